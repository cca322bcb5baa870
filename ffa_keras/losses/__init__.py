"""The terms of the training losses (paper, section 2.4, and its rivals).

Each term returns one value for each image, [B]. The method that trains with
them weights, averages and scales them in one place.
"""

from ffa_keras.losses.adversarial import (
    discriminator_adversarial_loss,
    discriminator_least_squares_loss,
    generator_adversarial_loss,
    generator_least_squares_loss,
    undecided_loss,
)
from ffa_keras.losses.perceptual import PerceptualLoss
from ffa_keras.losses.pixel import pixel_loss, squared_loss
from ffa_keras.losses.saliency import saliency_loss
from ffa_keras.losses.structure import structural_loss
from ffa_keras.losses.terms import TERMS, Step

__all__ = [
    "TERMS",
    "PerceptualLoss",
    "Step",
    "discriminator_adversarial_loss",
    "discriminator_least_squares_loss",
    "generator_adversarial_loss",
    "generator_least_squares_loss",
    "pixel_loss",
    "saliency_loss",
    "squared_loss",
    "structural_loss",
    "undecided_loss",
]
