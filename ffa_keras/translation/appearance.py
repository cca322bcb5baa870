"""Answers in another appearance than that of the training FFA images."""

import keras
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.models import DisentangledGenerator
from ffa_keras.ops import from_grey_levels


def take_appearance(generator: keras.Model, exemplar: np.ndarray) -> None:
    """Let a generator answer in the appearance of an FFA image from now on.

    Args:
        generator: a `DisentangledGenerator`.
        exemplar: the FFA image, uint8 [H, W, 1], H and W at least 16.

    Raises:
        InputError: the generator is of another method.
    """
    if not isinstance(generator, DisentangledGenerator):
        raise InputError(
            f"a {type(generator).__name__} has no appearance to choose; leave"
            " --exemplar out, or name a model of --method=disentangled"
        )
    mean, _ = generator.appearance_encoder(from_grey_levels(exemplar[None]))
    generator.mean_appearance.assign(mean[0])
