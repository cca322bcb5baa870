"""The run folder: what lies where, and how to read it back."""

import dataclasses
from pathlib import Path

import keras

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.training.config import TrainConfig
from ffa_keras.translation.run_folder import (
    CONFIG_NAME,
    GENERATOR_NAME,
    load_generator,
)

# What loads a generator had its home here; the names last one release more.
__all__ = [
    "CHECKPOINTS_NAME",
    "CONFIG_NAME",
    "GENERATOR_NAME",
    "check_vacant",
    "claim",
    "load_config",
    "load_generator",
    "save_generator",
]

CHECKPOINTS_NAME = "checkpoints"
# `run.json` tells whether a dataset in another place is the same.
_MAY_MOVE = ("run_dir", "dataset_dir")


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
    started = dataclasses.asdict(TrainConfig.load(path))
    changed = [
        f"--{name}={value} (was {started[name]})"
        for name, value in dataclasses.asdict(config).items()
        if value != started[name] and name not in _MAY_MOVE
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
    config.save(Path(config.run_dir) / CONFIG_NAME)


def load_config(run_dir: str | Path) -> TrainConfig:
    """Return the settings a run was started with.

    Args:
        run_dir: folder of the run.

    Raises:
        InputError: the folder or its `flags.cfg` is absent or damaged.
    """
    if not run_dir or not Path(run_dir).is_dir():
        raise InputError(f"--run_dir={run_dir}: no such folder")
    return TrainConfig.load(Path(run_dir) / CONFIG_NAME)


def save_generator(generator: keras.Model, run_dir: str | Path) -> None:
    """Save a run's generator, replacing the one before.

    Args:
        generator: the model.
        run_dir: folder of the run.
    """
    with replacing(Path(run_dir) / GENERATOR_NAME) as temporary:
        generator.save(temporary)
