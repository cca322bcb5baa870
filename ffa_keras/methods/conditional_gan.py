"""Conditional GANs: the paper's system, its ablations, and pix2pix."""

from __future__ import annotations

from collections.abc import Mapping

import keras

from ffa_keras import losses
from ffa_keras.methods.networks import patch_gan, resnet, vgg19
from ffa_keras.methods.options import (
    NoSaliencyOptions,
    Pix2PixOptions,
    ProposedOptions,
    term_weights,
)
from ffa_keras.methods.system import Batch, Losses, System
from ffa_keras.models import Pix2PixGenerator
from ffa_keras.ops import PAPER_WINDOW

# Convolutions of stride 2: each verdict of the regular discriminator sees
# 286x286 pixels.
_REGULAR_STRIDED = 5
_PIX2PIX_DEPTH = 8


def proposed(options: ProposedOptions) -> ConditionalGan:
    """Build the paper's system: ResNet generator, PatchGAN, four loss terms.

    Args:
        options: the widths, the weights of Eq. 3 and the VGG19 weights.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: the perceptual term is on and VGG19 weights cannot be had,
            or patches are too small.
    """
    return _system(options, resnet(options), patch_gan(options))


def no_saliency(options: NoSaliencyOptions) -> ConditionalGan:
    """Build the paper's ablation without the saliency loss of Eq. 7.

    Followed: everything else is `proposed` (section 3.2).

    Args:
        options: as of `proposed`, without the weight of the saliency.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: as of `proposed`.
    """
    return _system(options, resnet(options), patch_gan(options))


def no_patchgan(options: ProposedOptions) -> ConditionalGan:
    """Build the paper's ablation with a regular discriminator.

    Followed: pix2pix's discriminator for 256x256 images, "ImageGAN", in place
    of the PatchGAN; everything else is `proposed`. Chosen: it stays fully
    convolutional, so any patch from 96 pixels can be judged. Its verdicts see
    286x286 pixels; on a smaller patch each sees all of it and, beyond its
    border, the zeros that its convolutions pad with; on a larger one they
    overlap.

    Args:
        options: as of `proposed`.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: as of `proposed`.
    """
    # Made first, as ever: initial weights depend on the order.
    discriminator = patch_gan(options, _REGULAR_STRIDED)
    return _system(options, resnet(options), discriminator)


def pix2pix(options: Pix2PixOptions) -> ConditionalGan:
    """Build pix2pix (Isola et al., arXiv 1611.07004): U-Net, GAN and L1.

    Followed: U-Net generator with batch normalisation and dropout 0.5, 70x70
    PatchGAN with batch normalisation, L1 weighted with 100, the batch's own
    moments in training and in use. Chosen: both networks are updated from the
    same generated batch, as in `proposed`; no dropout in use, so that answers
    are repeatable; the U-Net goes down to one pixel of the smaller patch side
    where patches are smaller than 256 pixels.

    Args:
        options: the widths, the patch size and the weights of the two terms.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: patches are too small.
    """
    side = min(options.patch_height, options.patch_width)
    depth = min(_PIX2PIX_DEPTH, max(5, side.bit_length() - 1))
    return _system(
        options,
        Pix2PixGenerator(options.num_filters, depth),
        patch_gan(options, normalization="batch"),
    )


class ConditionalGan(System):
    """Train a generator against a discriminator that sees the fundus too.

    Both networks are updated in the same step from the same generated batch.
    The generator minimises the weighted sum of Eq. 3,
    `adversarial + alpha pixel + beta perceptual + gamma saliency`.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], all in [-1, 1].
        discriminator: `(fundus, ffa)` to logits [B, H', W', 1].
        weights: of the terms, by their name in `TERMS`; a term with weight 0
            is not computed.
        perceptual_loss: needed where the weight of `perceptual` is positive.
        shift_tolerance: pixels that the FFA of a patch may lie off, for every
            term but the adversarial one.
        saliency_windows: sides of the saliency's windows, pixels.

    Raises:
        ValueError: there is no such term, or `perceptual_loss` is missing.
    """

    TERMS = losses.TERMS

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        weights: Mapping[str, float],
        perceptual_loss: losses.PerceptualLoss | None = None,
        shift_tolerance: int = 0,
        saliency_windows: tuple[int, ...] = (PAPER_WINDOW,),
    ) -> None:
        if bool(weights.get("perceptual")) != (perceptual_loss is not None):
            raise ValueError(
                "perceptual_loss must be given if and only if its weight is"
                f" positive. Received: weights={dict(weights)},"
                f" perceptual_loss={perceptual_loss}"
            )
        generator.build((None, None, None, 3))
        discriminator.build([(None, None, None, 3), (None, None, None, 1)])
        super().__init__(
            generator,
            {"generator": [generator], "discriminator": [discriminator]},
            weights,
        )
        self.discriminator = discriminator
        self._perceptual_loss = perceptual_loss
        self._shift_tolerance = shift_tolerance
        self._saliency_windows = saliency_windows

    def losses_of(self, batch: Batch) -> tuple[Losses, Losses]:
        fundus, real = batch["fundus"], batch["ffa"]
        fake = self.generator(fundus, training=True)
        fake_logits = self.discriminator((fundus, fake), training=True)
        real_logits = self.discriminator((fundus, real), training=True)
        near, seen = losses.nearest_shift(real, fake, self._shift_tolerance)
        step = losses.Step(
            fundus,
            near,
            seen,
            fake_logits,
            self._perceptual_loss,
            self._saliency_windows,
        )
        terms = self.terms(step)
        return terms, {
            "generator": self.weighted(terms),
            "discriminator": losses.discriminator_adversarial_loss(
                real_logits, fake_logits
            ),
        }


def _system(
    options: Pix2PixOptions, generator: keras.Model, discriminator: keras.Model
) -> ConditionalGan:
    windows: tuple[int, ...] = (PAPER_WINDOW,)
    if isinstance(options, ProposedOptions):
        windows = options.windows()
    return ConditionalGan(
        generator,
        discriminator,
        term_weights(options),
        vgg19(options),
        options.shift_tolerance,
        windows,
    )
