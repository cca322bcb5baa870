"""Conditional GANs: the paper's system, its ablations, and pix2pix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.errors import InputError
from ffa_keras.methods.system import Batch, System, named_losses, weighted_sum
from ffa_keras.models import (
    PatchDiscriminator,
    Pix2PixGenerator,
    ResnetGenerator,
)

if TYPE_CHECKING:
    from ffa_keras.training.config import TrainConfig

# Convolutions of stride 2: each verdict of the regular discriminator sees
# 286x286 pixels.
_REGULAR_STRIDED = 5
_PIX2PIX_DEPTH = 8


def proposed(config: TrainConfig) -> ConditionalGan:
    """Build the paper's system: ResNet generator, PatchGAN, four loss terms.

    Args:
        config: settings; the widths, the weights of Eq. 3 and the source of
            the VGG19 weights are used.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: the perceptual term is on and VGG19 weights cannot be had.
    """
    return _conditional_gan(config, _resnet(config), _patch_gan(config))


def no_saliency(config: TrainConfig) -> ConditionalGan:
    """Build the paper's ablation without the saliency loss of Eq. 7.

    Followed: everything else is `proposed` (section 3.2). `saliency_weight`
    is not looked at.

    Args:
        config: settings, as of `proposed`.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: as of `proposed`.
    """
    return _conditional_gan(
        config, _resnet(config), _patch_gan(config), saliency_weight=0.0
    )


def no_patchgan(config: TrainConfig) -> ConditionalGan:
    """Build the paper's ablation with a regular discriminator.

    Followed: pix2pix's discriminator for 256x256 images, "ImageGAN", in place
    of the PatchGAN; everything else is `proposed`. Chosen: it stays fully
    convolutional, so any patch from 96 pixels can be judged. Its verdicts see
    286x286 pixels; on a smaller patch each sees all of it and, beyond its
    border, the zeros that its convolutions pad with; on a larger one they
    overlap.

    Args:
        config: settings, as of `proposed`, and the size of the patches.

    Returns:
        The system, built but not compiled.

    Raises:
        InputError: as of `proposed`, or patches are too small.
    """
    discriminator = PatchDiscriminator(
        config.discriminator_filters, num_strided=_REGULAR_STRIDED
    )
    least = discriminator.min_side
    if min(config.patch_height, config.patch_width) < least:
        raise InputError(
            f"--patch_height={config.patch_height}"
            f" --patch_width={config.patch_width}: --method=no_patchgan judges"
            f" patches of at least {least}x{least} pixels"
        )
    return _conditional_gan(config, _resnet(config), discriminator)


def pix2pix(config: TrainConfig) -> ConditionalGan:
    """Build pix2pix (Isola et al., arXiv 1611.07004): U-Net, GAN and L1.

    Followed: U-Net generator with batch normalisation and dropout 0.5, 70x70
    PatchGAN with batch normalisation, L1 weighted with 100, the batch's own
    moments in training and in use. Chosen: both networks are updated from the
    same generated batch, as in `proposed`; no dropout in use, so that answers
    are repeatable; the U-Net goes down to one pixel of the smaller patch side
    where patches are smaller than 256 pixels. `perceptual_weight`,
    `saliency_weight`, `num_blocks` and `dropout` are not looked at.

    Args:
        config: settings; the widths, the patch size and the weights of the
            adversarial and the pixel term are used.

    Returns:
        The system, built but not compiled.
    """
    side = min(config.patch_height, config.patch_width)
    depth = min(_PIX2PIX_DEPTH, max(5, side.bit_length() - 1))
    return _conditional_gan(
        config,
        Pix2PixGenerator(config.num_filters, depth),
        PatchDiscriminator(config.discriminator_filters, normalization="batch"),
        perceptual_weight=0.0,
        saliency_weight=0.0,
    )


class ConditionalGan(System):
    """Train a generator against a discriminator that sees the fundus too.

    Both networks are updated in the same step from the same generated batch.
    The generator minimises the weighted sum of Eq. 3,
    `adversarial + alpha pixel + beta perceptual + gamma saliency`.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], all in [-1, 1].
        discriminator: `(fundus, ffa)` to logits [B, H', W', 1].
        weights: of the terms `adversarial`, `pixel`, `perceptual` and
            `saliency`; a term with weight 0 is not computed.
        perceptual_loss: `(real, fake)` to [B]; needed where its weight is
            positive.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        weights: Mapping[str, float],
        perceptual_loss: losses.PerceptualLoss | None = None,
    ):
        used = {k: v for k, v in weights.items() if v}
        if ("perceptual" in used) != (perceptual_loss is not None):
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
            [f"loss/{k}" for k in (*used, "generator", "discriminator")],
        )
        self.discriminator = discriminator
        self._term_weights = used
        self._perceptual_loss = perceptual_loss

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update both networks once.

        Args:
            batch: `fundus` [B, H, W, 3] and `ffa` [B, H, W, 1], float32 in
                [-1, 1]; B is this replica's share.

        Returns:
            The running mean of every loss term of the epoch, by name.
        """
        fundus, real = batch["fundus"], batch["ffa"]
        with tf.GradientTape(persistent=True) as tape:
            fake = self.generator(fundus, training=True)
            fake_logits = self.discriminator((fundus, fake), training=True)
            real_logits = self.discriminator((fundus, real), training=True)
            terms = self._terms(real, fake, fake_logits)
            per_image = {
                "generator": weighted_sum(terms, self._term_weights),
                "discriminator": losses.discriminator_adversarial_loss(
                    real_logits, fake_logits
                ),
            }
            objectives = self.objectives(per_image)
        self.update(tape, objectives)
        return self.report(named_losses({**terms, **per_image}))

    def _terms(
        self, real: tf.Tensor, fake: tf.Tensor, fake_logits: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        terms = {}
        if "adversarial" in self._term_weights:
            terms["adversarial"] = losses.generator_adversarial_loss(
                fake_logits
            )
        if "pixel" in self._term_weights:
            terms["pixel"] = losses.pixel_loss(real, fake)
        if self._perceptual_loss is not None:
            terms["perceptual"] = self._perceptual_loss(real, fake)
        if "saliency" in self._term_weights:
            terms["saliency"] = losses.saliency_loss(real, fake)
        return terms


def _resnet(config: TrainConfig) -> ResnetGenerator:
    return ResnetGenerator(
        config.num_filters, config.num_blocks, config.dropout
    )


def _patch_gan(config: TrainConfig) -> PatchDiscriminator:
    return PatchDiscriminator(config.discriminator_filters)


def _conditional_gan(
    config: TrainConfig,
    generator: keras.Model,
    discriminator: keras.Model,
    **fixed: float,
) -> ConditionalGan:
    """Build a system with the configured weights but for the fixed ones."""
    weights = {
        term: fixed.get(f"{term}_weight", getattr(config, f"{term}_weight"))
        for term in ("adversarial", "pixel", "perceptual", "saliency")
    }
    if not any(weights.values()):
        raise InputError(
            f"--method={config.method}: every loss weight that it looks at is"
            " 0; raise --pixel_weight"
        )
    perceptual_loss = None
    if weights["perceptual"]:
        perceptual_loss = losses.PerceptualLoss(config.vgg_weights)
    return ConditionalGan(generator, discriminator, weights, perceptual_loss)
