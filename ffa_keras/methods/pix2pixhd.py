"""The adversary of pix2pixHD: two scales, and features that must match."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.errors import InputError
from ffa_keras.methods.networks import patch_gan, resnet, vgg19
from ffa_keras.methods.options import Pix2PixHdOptions, term_weights
from ffa_keras.methods.system import Batch, Losses, System

_SCALES = 2


class _Step(NamedTuple):
    """What the terms look at: images, and what each discriminator made of them.

    Attributes:
        real: FFA, float32 [B, H, W, 1] in [-1, 1].
        fake: the generated one.
        real_layers: of each discriminator, the outputs of its layers for the
            real pair, the logits last.
        fake_layers: the same for the generated pair.
    """

    real: tf.Tensor
    fake: tf.Tensor
    real_layers: list[list[tf.Tensor]]
    fake_layers: list[list[tf.Tensor]]


def _adversarial(_: Pix2PixHd, step: _Step) -> tf.Tensor:
    return tf.add_n(
        [
            losses.generator_least_squares_loss(layers[-1])
            for layers in step.fake_layers
        ]
    )


def _matching(_: Pix2PixHd, step: _Step) -> tf.Tensor:
    """Of the activations on the real pair; sum of layers, mean of scales."""
    distances = [
        losses.pixel_loss(tf.stop_gradient(real), fake)
        for reals, fakes in zip(step.real_layers, step.fake_layers, strict=True)
        for real, fake in zip(reals[:-1], fakes[:-1], strict=True)
    ]
    return tf.add_n(distances) / len(step.real_layers)


def _perceptual(system: Pix2PixHd, step: _Step) -> tf.Tensor:
    if system.perceptual_loss is None:
        raise ValueError("the perceptual term needs a perceptual_loss")
    return system.perceptual_loss(step.real, step.fake)


class Pix2PixHd(System):
    """The ResNet against the discriminators of pix2pixHD.

    Wang et al., CVPR 2018. Followed: a 70x70 PatchGAN on the pair and another
    on its half, least-squares losses, and feature matching weighted with 10.
    Chosen: the generator is that of `proposed`, so that the two rows differ in
    what they are trained against; the perceptual term is the paper's, at one
    layer; no feature encoder, since there are no labels of instances.

    Args:
        options: of the networks and the terms.

    Raises:
        InputError: patches are too small, or VGG19 weights cannot be had.
    """

    # Each returns one value for each image, float32 [B].
    TERMS: ClassVar = {
        "adversarial": _adversarial,
        "matching": _matching,
        "perceptual": _perceptual,
    }

    def __init__(self, options: Pix2PixHdOptions) -> None:
        # Before the generator, as ever: initial weights depend on the order.
        discriminators = [patch_gan(options) for _ in range(_SCALES)]
        least = discriminators[0].min_side * 2 ** (_SCALES - 1)
        if min(options.patch_height, options.patch_width) < least:
            raise InputError(
                f"--patch_height={options.patch_height}"
                f" --patch_width={options.patch_width}: the discriminators of"
                f" this method judge patches of at least {least}x{least} pixels"
            )
        perceptual_loss = vgg19(options)
        generator = resnet(options)
        generator.build((None, None, None, 3))
        for discriminator in discriminators:
            discriminator.build([(None, None, None, 3), (None, None, None, 1)])
        super().__init__(
            generator,
            {"generator": [generator], "discriminator": discriminators},
            term_weights(options),
        )
        self.discriminators = discriminators
        self.perceptual_loss = perceptual_loss

    def losses_of(self, batch: Batch) -> tuple[Losses, Losses]:
        fundus, real = batch["fundus"], batch["ffa"]
        fake = self.generator(fundus, training=True)
        step = _Step(
            real,
            fake,
            self._activations(fundus, real),
            self._activations(fundus, fake),
        )
        terms = self.terms(step)
        verdicts = [
            losses.discriminator_least_squares_loss(real[-1], fake[-1])
            for real, fake in zip(
                step.real_layers, step.fake_layers, strict=True
            )
        ]
        return terms, {
            "generator": self.weighted(terms),
            "discriminator": tf.add_n(verdicts),
        }

    def _activations(
        self, fundus: tf.Tensor, ffa: tf.Tensor
    ) -> list[list[tf.Tensor]]:
        """Return the activations of every discriminator, the logits last."""
        pair, found = tf.concat([fundus, ffa], -1), []
        for number, discriminator in enumerate(self.discriminators):
            if number:
                pair = tf.nn.avg_pool2d(pair, 3, 2, "SAME")
            x, activations = tf.cast(pair, discriminator.compute_dtype), []
            for layer in discriminator.network.layers:
                x = layer(x)
                if isinstance(layer, keras.layers.LeakyReLU):
                    activations.append(tf.cast(x, tf.float32))
            found.append([*activations, x])
        return found
