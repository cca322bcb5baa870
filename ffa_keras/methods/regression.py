"""Regression: a generator alone, trained to be close to the real FFA."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.methods.networks import resnet
from ffa_keras.methods.options import ResnetOptions, UnetRegressionOptions
from ffa_keras.methods.system import Batch, Losses, System
from ffa_keras.models import UnetGenerator

_PIXEL_LOSSES = {"l1": losses.pixel_loss, "l2": losses.squared_loss}


def unet_regression(options: UnetRegressionOptions) -> Regression:
    """Build the U-Net regression of Hervella et al. 2018.

    "Retinal image understanding emerges from self-supervised multimodal
    reconstruction", MICCAI 2018. Followed: the U-Net, without normalisation,
    and the L1 or L2 norm (`regression_loss`). Chosen: the whole patch counts,
    and optimizer and patches are those of the other systems.

    Args:
        options: the width and the norm.

    Returns:
        The system, built but not compiled.
    """
    return Regression(
        UnetGenerator(options.num_filters),
        _PIXEL_LOSSES[options.regression_loss],
    )


def resnet_regression(options: ResnetOptions) -> Regression:
    """Build the ResNet regression of Hervella et al. 2019.

    "Deep multimodal reconstruction of retinal images using paired or unpaired
    data", IWANN 2019. Followed: the ResNet generator of CycleGAN and the loss
    made of SSIM, on pairs. Chosen: as in `unet_regression`.

    Args:
        options: of the generator.

    Returns:
        The system, built but not compiled.
    """
    return Regression(resnet(options), losses.structural_loss)


class Regression(System):
    """Train a generator to come close to the real FFA, with no adversary.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], all in [-1, 1].
        loss: `(real, fake)` to [B].
    """

    def __init__(
        self,
        generator: keras.Model,
        loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    ) -> None:
        generator.build((None, None, None, 3))
        super().__init__(generator, {"generator": [generator]})
        self._loss = loss

    def losses_of(self, batch: Batch) -> tuple[Losses, Losses]:
        fake = self.generator(batch["fundus"], training=True)
        return {}, {"generator": self._loss(batch["ffa"], fake)}
