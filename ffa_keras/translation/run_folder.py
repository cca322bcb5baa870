"""The generator that a run has saved."""

from pathlib import Path

import keras

import ffa_keras.models  # noqa: F401  registers the classes of generator.keras
from ffa_keras.errors import InputError
from ffa_keras.translation.places import generator_file


def load_generator(run_dir: str | Path) -> keras.Model:
    """Return the generator of a run: the best so far, or as `select_by` says.

    Args:
        run_dir: as of `generator_file`.

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
