"""The terms of the disentangled translation, after DRIT and Lu et al. 2019."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from ffa_keras import losses
from ffa_keras.methods.noise import Noise
from ffa_keras.methods.system import System
from ffa_keras.models import AppearanceEncoder


class Pair(NamedTuple):
    """Something of the photographs' side and of the FFA images'."""

    fundus: tf.Tensor
    ffa: tf.Tensor


class Step(NamedTuple):
    """What the terms look at.

    Attributes:
        real: photographs and FFA images, not of the same places.
        structure: theirs, with noise.
        moments: mean and log-variance of their appearances.
        appearance: drawn from these.
        drawn: appearances that are no image's.
        swapped: images of each kind, with the structure of the other kind and
            the appearance of their own.
        random: the same with the appearances that were drawn.
        noise: more random numbers.
    """

    real: Pair
    structure: Pair
    moments: Pair
    appearance: Pair
    drawn: tf.Tensor
    swapped: Pair
    random: Pair
    noise: Noise


def _adversarial(system: System, step: Step) -> tf.Tensor:
    return tf.add_n(
        [
            losses.generator_adversarial_loss(logits)
            for judge, fake in zip(
                system.discriminators,
                (*step.swapped, *step.random),
                strict=True,
            )
            for logits in judge(fake)
        ]
    )


def _structure(system: System, step: Step) -> tf.Tensor:
    return tf.add_n(
        [
            losses.undecided_loss(system.structure_discriminator(part))
            for part in step.structure
        ]
    )


def _cycle(system: System, step: Step) -> tf.Tensor:
    """Take the translations apart again, and swap back."""
    fundus, ffa = step.swapped
    of_fundus = step.noise.on(system.structure_of_ffa(ffa))
    of_ffa = step.noise.on(system.structure_of_fundus(fundus))
    fundus_appearance = step.noise.around(*system.fundus_appearance(fundus))
    ffa_appearance = step.noise.around(
        *system.generator.appearance_encoder(ffa)
    )
    return losses.pixel_loss(
        step.real.fundus,
        system.fundus_of(of_fundus, fundus_appearance, step.real.fundus),
    ) + losses.pixel_loss(
        step.real.ffa, system.ffa_of(of_ffa, ffa_appearance, step.real.ffa)
    )


def _reconstruction(system: System, step: Step) -> tf.Tensor:
    (fundus, ffa), structure = step.real, step.structure
    return losses.pixel_loss(
        fundus,
        system.fundus_of(structure.fundus, step.appearance.fundus, fundus),
    ) + losses.pixel_loss(
        ffa, system.ffa_of(structure.ffa, step.appearance.ffa, ffa)
    )


def _code(system: System, step: Step) -> tf.Tensor:
    """Read the drawn appearances in what was made with them.

    By encoders that learn nothing from it: else they could agree with the
    decoders on a hidden writing.
    """
    encoders = system.fundus_appearance, system.generator.appearance_encoder
    return tf.add_n(
        [
            tf.reduce_mean(tf.abs(_frozen(encoder, images) - step.drawn), 1)
            for encoder, images in zip(encoders, step.random, strict=True)
        ]
    )


def _frozen(encoder: AppearanceEncoder, images: tf.Tensor) -> tf.Tensor:
    weights = [
        tf.stop_gradient(tf.convert_to_tensor(variable.value))
        for variable in encoder.trainable_variables
    ]
    (mean, _), _ = encoder.stateless_call(weights, [], images)
    return mean


def _divergence(system: System, step: Step) -> tf.Tensor:
    """Of the appearances' distributions from the standard normal one."""
    return tf.add_n(
        [
            tf.reduce_sum(mean**2 + tf.exp(spread) - 1.0 - spread, 1) / 2
            for mean, spread in step.moments
        ]
    )


def _norm(system: System, step: Step) -> tf.Tensor:
    return tf.add_n(
        [
            tf.reduce_mean(tf.cast(part, tf.float32) ** 2, axis=(1, 2, 3))
            for part in step.structure
        ]
    )


def _perceptual(system: System, step: Step) -> tf.Tensor:
    """Of each translation from what it was made of."""
    perceptual_loss = system.perceptual_loss
    if perceptual_loss is None:
        raise ValueError("the perceptual term needs a perceptual_loss")
    return tf.add_n(
        [
            perceptual_loss(real, fake)
            for fakes in (step.swapped, step.random)
            for real, fake in zip(step.real, reversed(fakes), strict=True)
        ]
    )


# Each returns one value for each image, float32 [B].
TERMS: Mapping[str, Callable[[System, Step], tf.Tensor]] = {
    "adversarial": _adversarial,
    "structure": _structure,
    "cycle": _cycle,
    "reconstruction": _reconstruction,
    "code": _code,
    "divergence": _divergence,
    "norm": _norm,
    "perceptual": _perceptual,
}
