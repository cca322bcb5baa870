"""CycleGAN: translation learned from unpaired photographs and FFA images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.errors import InputError
from ffa_keras.methods.image_pool import ImagePool
from ffa_keras.methods.system import Batch, System, named_losses, weighted_sum
from ffa_keras.models import PatchDiscriminator, ResnetGenerator

if TYPE_CHECKING:
    from ffa_keras.training.config import TrainConfig


def cyclegan(config: TrainConfig) -> CycleGan:
    """Build CycleGAN (Zhu et al. 2017), as Schiffers et al. 2018 applied it.

    Followed: two ResNet generators, two 70x70 PatchGANs, least-squares losses,
    cycle consistency weighted with 10, identity terms with 5, a pool of 50
    generated images from which the discriminators are shown older ones, both
    ways trained in the same step, photographs and FFA of different patches
    (`ffa_keras.data.unpaired`). Chosen: the generators are as wide and deep as
    those of `proposed`. The FFA has one channel, so for the identity terms it
    is repeated to three, and the photograph enters as its luminance. The best
    generator is still picked on validation pairs, as for every method.

    Args:
        config: settings; the widths, the blocks, the weights
            `adversarial_weight`, `cycle_weight`, `identity_weight`, the pool
            and the patch size are used.

    Returns:
        The system, built but not compiled.
    """

    def generator(channels: int) -> ResnetGenerator:
        return ResnetGenerator(
            config.num_filters, config.num_blocks, config.dropout, channels
        )

    def pool(channels: int, seed: int) -> ImagePool:
        shape = (config.patch_height, config.patch_width, channels)
        return ImagePool(config.pool_size, shape, seed)

    return CycleGan(
        generator(1),
        generator(3),
        PatchDiscriminator(config.discriminator_filters),
        PatchDiscriminator(config.discriminator_filters),
        pool(1, 2 * config.seed),
        pool(3, 2 * config.seed + 1),
        {
            "adversarial": config.adversarial_weight,
            "cycle": config.cycle_weight,
            "identity": config.identity_weight,
        },
    )


class CycleGan(System):
    """Train a way there and a way back against two discriminators.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], all in [-1, 1].
        back: FFA [B, H, W, 1] to fundus [B, H, W, 3], all in [-1, 1].
        ffa_discriminator: `(ffa,)` to [B, H', W', 1], 1 for real.
        fundus_discriminator: `(fundus,)` to [B, H', W', 1], 1 for real.
        ffa_pool: of generated FFA images.
        fundus_pool: of generated photographs.
        weights: of the terms `adversarial`, `cycle` and `identity`; a term
            with weight 0 is not computed.
    """

    def __init__(
        self,
        generator: keras.Model,
        back: keras.Model,
        ffa_discriminator: keras.Model,
        fundus_discriminator: keras.Model,
        ffa_pool: ImagePool,
        fundus_pool: ImagePool,
        weights: Mapping[str, float],
    ):
        used = {k: v for k, v in weights.items() if v}
        if not used:
            raise InputError(
                "--method=cyclegan: --adversarial_weight, --cycle_weight and"
                " --identity_weight are all 0"
            )
        generator.build((None, None, None, 3))
        back.build((None, None, None, 1))
        ffa_discriminator.build([(None, None, None, 1)])
        fundus_discriminator.build([(None, None, None, 3)])
        super().__init__(
            generator,
            {
                "generator": [generator, back],
                "discriminator": [ffa_discriminator, fundus_discriminator],
            },
            [f"loss/{k}" for k in (*used, "generator", "discriminator")],
        )
        self.back = back
        self.ffa_discriminator = ffa_discriminator
        self.fundus_discriminator = fundus_discriminator
        self.ffa_pool = ffa_pool
        self.fundus_pool = fundus_pool
        self._term_weights = used

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update all four networks once.

        Args:
            batch: `fundus` [B, H, W, 3] and `ffa` [B, H, W, 1], float32 in
                [-1, 1], not of the same places.

        Returns:
            The running mean of every loss term of the epoch, by name.
        """
        fundus, ffa = batch["fundus"], batch["ffa"]
        with tf.GradientTape(persistent=True) as tape:
            fake_ffa = self.generator(fundus, training=True)
            fake_fundus = self.back(ffa, training=True)
            terms = self._terms(fundus, ffa, fake_fundus, fake_ffa)
            shown_ffa = self.ffa_pool(tf.stop_gradient(fake_ffa))
            shown_fundus = self.fundus_pool(tf.stop_gradient(fake_fundus))
            per_image = {
                "generator": weighted_sum(terms, self._term_weights),
                "discriminator": losses.discriminator_least_squares_loss(
                    self.ffa_discriminator((ffa,)),
                    self.ffa_discriminator((shown_ffa,)),
                )
                + losses.discriminator_least_squares_loss(
                    self.fundus_discriminator((fundus,)),
                    self.fundus_discriminator((shown_fundus,)),
                ),
            }
            objectives = self.objectives(per_image)
        self.update(tape, objectives)
        return self.report(named_losses({**terms, **per_image}))

    def _terms(
        self,
        fundus: tf.Tensor,
        ffa: tf.Tensor,
        fake_fundus: tf.Tensor,
        fake_ffa: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        terms = {}
        if "adversarial" in self._term_weights:
            terms["adversarial"] = losses.generator_least_squares_loss(
                self.ffa_discriminator((fake_ffa,))
            ) + losses.generator_least_squares_loss(
                self.fundus_discriminator((fake_fundus,))
            )
        if "cycle" in self._term_weights:
            terms["cycle"] = losses.pixel_loss(
                fundus, self.back(fake_ffa, training=True)
            ) + losses.pixel_loss(
                ffa, self.generator(fake_fundus, training=True)
            )
        if "identity" in self._term_weights:
            colour = tf.repeat(ffa, 3, axis=-1)
            grey = tf.image.rgb_to_grayscale(fundus)
            terms["identity"] = losses.pixel_loss(
                ffa, self.generator(colour, training=True)
            ) + losses.pixel_loss(fundus, self.back(grey, training=True))
        return terms
