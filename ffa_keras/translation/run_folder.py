"""The generator that a run has saved."""

from pathlib import Path

import keras

import ffa_keras.models  # noqa: F401  registers the classes of generator.keras
from ffa_keras.errors import InputError

# By which a run folder is known.
CONFIG_NAME = "flags.cfg"
GENERATOR_NAME = "generator.keras"


def is_run_folder(path: str | Path) -> bool:
    """Return whether a path is the folder of a run."""
    return (Path(path) / CONFIG_NAME).is_file()


def generator_file(run_dir: str | Path) -> Path:
    """Return where a run's generator is: the best so far, or the last.

    Args:
        run_dir: folder of the run.

    Raises:
        InputError: the run has saved no generator yet.
    """
    path = Path(run_dir) / GENERATOR_NAME
    if not path.is_file():
        raise InputError(
            f"--run_dir={run_dir}: no {GENERATOR_NAME} there; train first with"
            " train_main.py"
        )
    return path


def load_generator(run_dir: str | Path) -> keras.Model:
    """Return the generator of a run: the best so far, or as `select_by` says.

    Args:
        run_dir: folder of the run.

    Returns:
        Model from fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].

    Raises:
        InputError: the run has saved no generator yet, or it is damaged.
    """
    path = generator_file(run_dir)
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be loaded ({error})") from error
