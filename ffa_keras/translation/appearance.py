"""Answers in other appearances than that of the training FFA images."""

from collections.abc import Callable

import keras
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.models import DisentangledGenerator
from ffa_keras.ops import from_grey_levels, to_grey_levels

# Drawn for a spread, from the normal distribution that training draws from.
_NUM_RANDOM = 8


def take_appearance(generator: keras.Model, exemplar: np.ndarray) -> None:
    """Let a generator answer in the appearance of an FFA image from now on.

    Args:
        generator: a `DisentangledGenerator`.
        exemplar: the FFA image, uint8 [H, W, 1], H and W at least 16.

    Raises:
        InputError: the generator is of another method.
    """
    _check_has_appearances(generator, "exemplar")
    mean, _ = generator.appearance_encoder(from_grey_levels(exemplar[None]))
    generator.mean_appearance.assign(mean[0])


def appearance_spread(
    generator: keras.Model,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what tells how far answers in random appearances lie apart.

    Args:
        generator: a `DisentangledGenerator`.

    Returns:
        Function from fundus uint8 [H, W, 3], RGB, to the standard deviation of
        the answers in eight appearances, always the same, in grey levels,
        uint8 [H, W, 1].

    Raises:
        InputError: the generator is of another method.
    """
    _check_has_appearances(generator, "appearance_spread")
    draw = np.random.default_rng(0)
    codes = draw.normal(size=(_NUM_RANDOM, 1, generator.num_codes))

    def spread(fundus: np.ndarray) -> np.ndarray:
        image = from_grey_levels(fundus[None])
        answers = [
            to_grey_levels(generator(image, code.astype(np.float32)))[0]
            for code in codes
        ]
        return np.rint(np.std(answers, axis=0)).astype(np.uint8)

    return spread


def _check_has_appearances(generator: keras.Model, flag: str) -> None:
    if not isinstance(generator, DisentangledGenerator):
        raise InputError(
            f"a {type(generator).__name__} has no appearance to choose; leave"
            f" --{flag} out, or name a model of --method=disentangled"
        )
