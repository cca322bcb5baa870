"""The run folder: what lies where, and how to read it back."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import keras

from ffa_keras.errors import InputError
from ffa_keras.files import replacing, take_lock
from ffa_keras.settings import learning, write_flagfile
from ffa_keras.training.config import TrainConfig, read_config
from ffa_keras.translation.places import (
    CONFIG_NAME as CONFIG_NAME,
    GENERATOR_NAME as GENERATOR_NAME,
)
from ffa_keras.translation.run_folder import load_generator as load_generator

CHECKPOINTS_NAME = "checkpoints"


@contextlib.contextmanager
def hold(run_dir: str | Path) -> Iterator[None]:
    """Keep other programs from training in a run folder.

    The folder is made if absent, and removed again if nothing came to lie
    there. The hold ends with the process, however that ends.

    Args:
        run_dir: folder of the run.

    Raises:
        InputError: another program trains there.
    """
    folder = Path(run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if sys.platform == "win32":  # It opens no folder, and has no such locks.
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor, folder)
        try:
            yield
        finally:
            # Refused by the system where something lies there.
            with contextlib.suppress(OSError):
                folder.rmdir()
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        take_lock(descriptor)
    except BlockingIOError as error:
        raise InputError(
            f"--run_dir={folder}: another program is training there; wait"
            " until it has ended, or name another folder"
        ) from error
    except OSError:
        # Windows and some network file systems have no locks.
        return


def as_begun(config: TrainConfig) -> TrainConfig:
    """Return the settings with the rule of selection that a run began with.

    The default was another one once: where nothing else was asked for, a run
    that began by that goes on by it.

    Args:
        config: settings of the run about to go on.

    Raises:
        InputError: the run's settings cannot be read.
    """
    path = Path(config.run_dir) / CONFIG_NAME
    if config.select_by != TrainConfig.select_by or not path.exists():
        return config
    return dataclasses.replace(config, select_by=read_config(path).select_by)


def check_vacant(config: TrainConfig, resume: bool) -> None:
    """Refuse a run folder that another run holds.

    Args:
        config: settings of the run about to start.
        resume: whether it may go on with what the folder holds.

    Raises:
        InputError: the folder holds a run and `resume` is false, or that run
            was started with other settings.
    """
    path = Path(config.run_dir) / CONFIG_NAME
    if not path.exists():
        return
    if not resume:
        raise InputError(
            f"--run_dir={config.run_dir}: already holds a run; add --resume to"
            " go on with it, or name another folder"
        )
    # Places may change: `run.json` tells whether a dataset elsewhere is the
    # same.
    started = learning(read_config(path))
    changed = [
        f"--{name}={value} (was {started[name]})"
        for name, value in learning(config).items()
        if name in started and value != started[name]
    ]
    if changed:
        raise InputError(
            f"--resume: settings differ from those in {path}: "
            + ", ".join(changed)
        )


def claim(config: TrainConfig) -> None:
    """Write the settings into the run folder, made if absent.

    Args:
        config: settings of the run about to start.
    """
    write_flagfile(Path(config.run_dir) / CONFIG_NAME, config)


def load_config(run_dir: str | Path) -> TrainConfig:
    """Return the settings a run was started with.

    Args:
        run_dir: folder of the run.

    Raises:
        InputError: the folder or its `flags.cfg` is absent or damaged.
    """
    if not run_dir or not Path(run_dir).is_dir():
        raise InputError(f"--run_dir={run_dir}: no such folder")
    return read_config(Path(run_dir) / CONFIG_NAME)


def has_generator(run_dir: str | Path) -> bool:
    """Tell whether a run has saved a generator.

    Args:
        run_dir: folder of the run.
    """
    return (Path(run_dir) / GENERATOR_NAME).is_file()


def save_generator(generator: keras.Model, run_dir: str | Path) -> None:
    """Save a run's generator, replacing the one before.

    Args:
        generator: the model.
        run_dir: folder of the run.
    """
    with replacing(Path(run_dir) / GENERATOR_NAME) as temporary:
        generator.save(temporary)
