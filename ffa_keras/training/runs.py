"""The run folder: what lies where, and how to read it back."""

from pathlib import Path

import keras

import ffa_keras.models  # noqa: F401  registers the classes of generator.keras
from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.settings import learning, write_flagfile
from ffa_keras.training.config import TrainConfig, read_config

CONFIG_NAME = "flags.cfg"
GENERATOR_NAME = "generator.keras"
CHECKPOINTS_NAME = "checkpoints"


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


def load_generator(run_dir: str | Path) -> keras.Model:
    """Return the generator of a run: the best so far, or as `select_by` says.

    Args:
        run_dir: folder of the run.

    Returns:
        Model from fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].

    Raises:
        InputError: the run has saved no generator yet, or it is damaged.
    """
    path = Path(run_dir) / GENERATOR_NAME
    if not path.is_file():
        raise InputError(
            f"--run_dir={run_dir}: no {GENERATOR_NAME} there; train first with"
            " train_main.py"
        )
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be loaded ({error})") from error


def save_generator(generator: keras.Model, run_dir: str | Path) -> None:
    """Save a run's generator, replacing the one before.

    Args:
        generator: the model.
        run_dir: folder of the run.
    """
    with replacing(Path(run_dir) / GENERATOR_NAME) as temporary:
        generator.save(temporary)
