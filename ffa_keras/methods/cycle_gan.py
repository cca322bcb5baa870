"""CycleGAN: translation learned from unpaired photographs and FFA images."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import tensorflow as tf

from ffa_keras import losses
from ffa_keras.methods.image_pool import ImagePool
from ffa_keras.methods.networks import patch_gan, resnet
from ffa_keras.methods.options import CycleGanOptions, term_weights
from ffa_keras.methods.system import Batch, Losses, System


class _Step(NamedTuple):
    """What the terms look at: the images of a step, as of `train_step`."""

    fundus: tf.Tensor
    ffa: tf.Tensor
    fake_fundus: tf.Tensor
    fake_ffa: tf.Tensor


def _adversarial(system: CycleGan, step: _Step) -> tf.Tensor:
    return losses.generator_least_squares_loss(
        system.ffa_discriminator((step.fake_ffa,))
    ) + losses.generator_least_squares_loss(
        system.fundus_discriminator((step.fake_fundus,))
    )


def _cycle(system: CycleGan, step: _Step) -> tf.Tensor:
    return losses.pixel_loss(
        step.fundus, system.back(step.fake_ffa, training=True)
    ) + losses.pixel_loss(
        step.ffa, system.generator(step.fake_fundus, training=True)
    )


def _identity(system: CycleGan, step: _Step) -> tf.Tensor:
    colour = tf.repeat(step.ffa, 3, axis=-1)
    grey = tf.image.rgb_to_grayscale(step.fundus)
    return losses.pixel_loss(
        step.ffa, system.generator(colour, training=True)
    ) + losses.pixel_loss(step.fundus, system.back(grey, training=True))


class CycleGan(System):
    """CycleGAN (Zhu et al. 2017), as Schiffers et al. 2018 applied it.

    Followed: two ResNet generators, two 70x70 PatchGANs, least-squares losses,
    cycle consistency weighted with 10, identity terms with 5, a pool of 50
    generated images from which the discriminators are shown older ones, both
    ways trained in the same step, photographs and FFA of different patches
    (`ffa_keras.records.unpaired`). Chosen: the generators are as wide and deep
    as those of `proposed`. The FFA has one channel, so for the identity terms
    it is repeated to three, and the photograph enters as its luminance. The
    best generator is still picked on validation pairs, as for every method.

    Args:
        options: of the networks, the terms and the pool.

    Raises:
        InputError: patches are too small.
    """

    # Each returns one value for each image, float32 [B].
    TERMS: ClassVar = {
        "adversarial": _adversarial,
        "cycle": _cycle,
        "identity": _identity,
    }

    def __init__(self, options: CycleGanOptions) -> None:
        generator, back = resnet(options), resnet(options, channels=3)
        ffa_discriminator = patch_gan(options)
        fundus_discriminator = patch_gan(options)
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
            term_weights(options),
        )
        self.back = back
        self.ffa_discriminator = ffa_discriminator
        self.fundus_discriminator = fundus_discriminator
        self.ffa_pool, self.fundus_pool = (
            ImagePool(
                options.pool_size,
                (options.patch_height, options.patch_width, channels),
                2 * options.seed + number,
            )
            for number, channels in enumerate((1, 3))
        )

    def losses_of(self, batch: Batch) -> tuple[Losses, Losses]:
        fundus, ffa = batch["fundus"], batch["ffa"]
        fake_ffa = self.generator(fundus, training=True)
        fake_fundus = self.back(ffa, training=True)
        step = _Step(fundus, ffa, fake_fundus, fake_ffa)
        terms = self.terms(step)
        shown_ffa = self.ffa_pool(tf.stop_gradient(fake_ffa))
        shown_fundus = self.fundus_pool(tf.stop_gradient(fake_fundus))
        return terms, {
            "generator": self.weighted(terms),
            "discriminator": losses.discriminator_least_squares_loss(
                self.ffa_discriminator((ffa,)),
                self.ffa_discriminator((shown_ffa,)),
            )
            + losses.discriminator_least_squares_loss(
                self.fundus_discriminator((fundus,)),
                self.fundus_discriminator((shown_fundus,)),
            ),
        }
