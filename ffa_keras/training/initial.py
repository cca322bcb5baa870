"""Begin a run with networks that another run has trained."""

from pathlib import Path

import keras
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.methods.system import System
from ffa_keras.training.checkpoints import Checkpoints
from ffa_keras.training.runs import CHECKPOINTS_NAME
from ffa_keras.translation.places import locate
from ffa_keras.translation.run_folder import load_generator

# What makes the architecture of a generator, in its configuration.
_NO_SHAPE = ("name", "trainable", "dtype", "dropout", "field_diameter")


def initialise(method: System, source: str) -> None:
    """Give a system's networks the weights of trained ones.

    Args:
        method: the system, built; its generator is changed, and its
            discriminator if it has one and the source holds one too.
        source: `"pretrained"`, a run folder, or a `.keras` file.

    Raises:
        InputError: nothing of the kind is there, or its networks are of
            another architecture.
    """
    path = locate(source)
    try:
        generator = load_generator(path)
    except InputError as error:
        raise InputError(f"--init_from={source}: {error}") from error
    _check_alike(method.generator, generator, source)
    method.generator.set_weights(generator.get_weights())
    discriminator = getattr(method, "discriminator", None)
    if discriminator is not None and (path / CHECKPOINTS_NAME).is_dir():
        _read_discriminator(discriminator, path, source)


def _check_alike(ours: keras.Model, theirs: keras.Model, source: str) -> None:
    if type(ours) is not type(theirs):
        raise InputError(
            f"--init_from={source}: holds a {type(theirs).__name__}, and this"
            f" method trains a {type(ours).__name__}; give the --method that"
            " made it"
        )
    wanted, found = ours.get_config(), theirs.get_config()
    differ = [
        f"--{name}={found.get(name)}"
        for name, value in wanted.items()
        if name not in _NO_SHAPE and value != found.get(name)
    ]
    if differ:
        raise InputError(
            f"--init_from={source}: its generator is of another size; give"
            f" {' '.join(differ)}"
        )


def _read_discriminator(
    discriminator: keras.Model, run_dir: Path, source: str
) -> None:
    state = tf.train.Checkpoint(discriminator=discriminator)
    latest = Checkpoints(
        run_dir / CHECKPOINTS_NAME, keep=1, chief=False, method=state
    )
    try:
        latest.restore()
    except InputError as error:
        raise InputError(
            f"--init_from={source}: its checkpoints hold no discriminator of"
            " this size; give --method and --discriminator_filters of its"
            " flags.cfg, or name its generator.keras"
        ) from error
