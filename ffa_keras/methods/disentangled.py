"""Disentangled translation: structure and appearance, from unpaired images."""

from __future__ import annotations

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.methods.disentangled_terms import TERMS, Pair, Step
from ffa_keras.methods.networks import vgg19
from ffa_keras.methods.noise import Noise
from ffa_keras.methods.options import DisentangledOptions, term_weights
from ffa_keras.methods.system import Batch, System
from ffa_keras.models import (
    AppearanceDecoder,
    AppearanceEncoder,
    DisentangledGenerator,
    MultiscaleDiscriminator,
    StructureDiscriminator,
    structure_encoder,
)
from ffa_keras.models.disentangled import STRIDE
from ffa_keras.models.moments import mean_over_replicas

# Least patch of a second and a third scale of the image discriminators.
_LEAST_SIDES = (32, 64)
# How fast the mean appearance follows that of the FFA images of a step.
_PACE = 0.01


class Disentangled(System):
    """The unpaired translation of Li K. et al. (SASHIMI 2019).

    Known of it: structure that both domains share, an appearance of each,
    generators both ways, adversarial learning and a perceptual loss. Chosen,
    since no more can be had: networks, losses and weights of DRIT (Lee et al.,
    ECCV 2018), and the perceptual term of Lu et al. (CVPR 2019), between a
    translation and its input. See docs/methods.md for each choice.

    Args:
        options: of the networks and the terms.

    Attributes:
        ffa_encoder: of the structure of FFA images.
        fundus_decoder: to photographs.
        fundus_appearance: encoder of the appearance of photographs.
        discriminators: of photographs and of FFA images, then of those with
            random appearances; each to a list of logits.
        structure_discriminator: structure to logits, 1 for an FFA image.

    Raises:
        InputError: VGG19 weights cannot be had.
    """

    TERMS = TERMS

    def __init__(self, options: DisentangledOptions) -> None:
        side = min(options.patch_height, options.patch_width)
        scales = 1 + sum(side >= least for least in _LEAST_SIDES)
        width, codes = options.num_filters, options.num_codes
        # In this order, as ever: initial weights depend on it.
        perceptual_loss = vgg19(options)
        generator = DisentangledGenerator(width, codes)
        ffa_encoder = structure_encoder(width)
        fundus_decoder = AppearanceDecoder(width, codes, 3)
        fundus_appearance = AppearanceEncoder(width, codes)
        discriminators = [
            MultiscaleDiscriminator(options.discriminator_filters, scales)
            for _ in range(4)
        ]
        structure_discriminator = StructureDiscriminator(
            options.discriminator_filters, -(-side // STRIDE)
        )
        generator.build((None, None, None, 3))
        ffa_encoder.build((None, None, None, 1))
        fundus_decoder.build((None, None, None, 4 * width))
        fundus_appearance.build((None, None, None, 3))
        for number, discriminator in enumerate(discriminators):
            discriminator.build((None, None, None, (3, 1)[number % 2]))
        structure_discriminator.build((None, None, None, 4 * width))
        super().__init__(
            generator,
            {
                "generator": [
                    generator,
                    ffa_encoder,
                    fundus_decoder,
                    fundus_appearance,
                ],
                "discriminator": discriminators,
                "structure_discriminator": [structure_discriminator],
            },
            term_weights(options),
        )
        self.ffa_encoder = ffa_encoder
        self.fundus_decoder = fundus_decoder
        self.fundus_appearance = fundus_appearance
        self.discriminators = discriminators
        self.structure_discriminator = structure_discriminator
        # Whatever is drawn in a step follows from its number.
        self.steps_done = keras.Variable(
            0, dtype="int64", trainable=False, name="steps_done"
        )
        self.perceptual_loss = perceptual_loss
        self._seed = options.seed
        self._structure_steps = options.structure_steps

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update all networks once, the structure discriminator more often.

        Args:
            batch: `fundus` [B, H, W, 3] and `ffa` [B, H, W, 1], float32 in
                [-1, 1], not of the same places; B is known.

        Returns:
            The running mean of every loss term of the epoch, by name.
        """
        real = Pair(batch["fundus"], batch["ffa"])
        step_number = tf.convert_to_tensor(self.steps_done)
        noise = Noise(self._seed, step_number, real.fundus.shape[0])
        with tf.GradientTape(persistent=True) as tape:
            structure = Pair(
                self.structure_of_fundus(real.fundus),
                self.structure_of_ffa(real.ffa),
            )
            with tape.stop_recording():
                for _ in range(self._structure_steps - 1):
                    self._tell_structures_apart(structure, noise)
            step = self._translate(real, structure, noise)
            terms = self.terms(step)
            per_image = {
                "generator": self.weighted(terms),
                "discriminator": self._image_verdicts(step),
                "structure_discriminator": self._structure_verdicts(
                    step.structure
                ),
            }
            objectives = self.objectives(per_image)
        self.update(tape, objectives)
        self._follow(step.moments.ffa[0])
        self.steps_done.assign(step_number + 1)
        return self.report({**terms, **per_image})

    def structure_of_fundus(self, fundus: tf.Tensor) -> tf.Tensor:
        """Return the structure of photographs, [B, H / 4, W / 4, C]."""
        return self.generator.structure_of(fundus, self.generator.encoder)

    def structure_of_ffa(self, ffa: tf.Tensor) -> tf.Tensor:
        """Return the structure of FFA images, [B, H / 4, W / 4, C]."""
        return self.generator.structure_of(ffa, self.ffa_encoder)

    def fundus_of(
        self, structure: tf.Tensor, appearance: tf.Tensor, like: tf.Tensor
    ) -> tf.Tensor:
        """Return photographs, [B, H, W, 3], of the size of `like`."""
        return self.generator.render(
            structure, appearance, self.fundus_decoder, like
        )

    def ffa_of(
        self, structure: tf.Tensor, appearance: tf.Tensor, like: tf.Tensor
    ) -> tf.Tensor:
        """Return FFA images, [B, H, W, 1], of the size of `like`."""
        return self.generator.render(
            structure, appearance, self.generator.decoder, like
        )

    def _translate(self, real: Pair, clean: Pair, noise: Noise) -> Step:
        structure = Pair(*(noise.on(part) for part in clean))
        moments = Pair(
            self.fundus_appearance(real.fundus),
            self.generator.appearance_encoder(real.ffa),
        )
        appearance = Pair(*(noise.around(*part) for part in moments))
        drawn = noise.like(appearance.ffa)

        def swapped(fundus: tf.Tensor, ffa: tf.Tensor) -> Pair:
            return Pair(
                self.fundus_of(structure.ffa, fundus, real.ffa),
                self.ffa_of(structure.fundus, ffa, real.fundus),
            )

        return Step(
            real=real,
            structure=structure,
            moments=moments,
            appearance=appearance,
            drawn=drawn,
            swapped=swapped(*appearance),
            random=swapped(drawn, drawn),
            noise=noise,
        )

    def _tell_structures_apart(self, clean: Pair, noise: Noise) -> None:
        """Update the structure discriminator alone."""
        noisy = Pair(*(noise.on(part) for part in clean))
        with tf.GradientTape(persistent=True) as tape:
            verdicts = self._structure_verdicts(noisy)
            objectives = self.objectives({"structure_discriminator": verdicts})
        self.update(tape, objectives)

    def _structure_verdicts(self, structure: Pair) -> tf.Tensor:
        return losses.discriminator_adversarial_loss(
            self.structure_discriminator(structure.ffa),
            self.structure_discriminator(structure.fundus),
        )

    def _image_verdicts(self, step: Step) -> tf.Tensor:
        real = (*step.real, *step.real)
        fake = (*step.swapped, *step.random)
        return tf.add_n(
            [
                losses.discriminator_adversarial_loss(real_logits, fake_logits)
                for judge, one, other in zip(
                    self.discriminators, real, fake, strict=True
                )
                for real_logits, fake_logits in zip(
                    judge(one), judge(other), strict=True
                )
            ]
        )

    def _follow(self, appearance: tf.Tensor) -> None:
        """Move the mean appearance towards those of all replicas' images."""
        mean = tf.convert_to_tensor(self.generator.mean_appearance)
        self.generator.mean_appearance.assign(
            mean + _PACE * (mean_over_replicas(appearance) - mean)
        )
