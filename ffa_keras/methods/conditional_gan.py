"""The proposed system: a conditional GAN with a saliency loss (section 2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from ffa_keras import losses
from ffa_keras.models import PatchDiscriminator, ResnetGenerator
from ffa_keras.ops import from_grey_levels, psnr, ssim, to_grey_levels

if TYPE_CHECKING:
    from ffa_keras.training.config import TrainConfig

Batch = Mapping[str, tf.Tensor]


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
    perceptual_loss = None
    if config.perceptual_weight:
        perceptual_loss = losses.PerceptualLoss(config.vgg_weights)
    return ConditionalGan(
        generator=ResnetGenerator(
            config.num_filters, config.num_blocks, config.dropout
        ),
        discriminator=PatchDiscriminator(config.discriminator_filters),
        weights={
            "adversarial": config.adversarial_weight,
            "pixel": config.pixel_weight,
            "perceptual": config.perceptual_weight,
            "saliency": config.saliency_weight,
        },
        perceptual_loss=perceptual_loss,
    )


class ConditionalGan(keras.Model):
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

    Call arguments:
        inputs: fundus, float tensor [B, H, W, 3] in [-1, 1].
        training: whether the generator's dropout is active.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        weights: Mapping[str, float],
        perceptual_loss: losses.PerceptualLoss | None = None,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self._term_weights = {k: v for k, v in weights.items() if v}
        if ("perceptual" in self._term_weights) != (
            perceptual_loss is not None
        ):
            raise ValueError(
                "perceptual_loss must be given if and only if its weight is"
                f" positive. Received: weights={dict(weights)},"
                f" perceptual_loss={perceptual_loss}"
            )
        self._perceptual_loss = perceptual_loss
        names = [f"loss/{term}" for term in self._term_weights]
        names += ["loss/generator", "loss/discriminator"]
        self.train_means = {n: keras.metrics.Mean(name=n) for n in names}
        self.validation_means = {
            n: keras.metrics.Mean(name=n) for n in ("psnr", "ssim")
        }
        generator.build((None, None, None, 3))
        discriminator.build([(None, None, None, 3), (None, None, None, 1)])
        self.built = True

    def compile(
        self,
        make_optimizer: Callable[[], keras.optimizers.Optimizer],
        jit_compile: bool = False,
    ):
        """Give each network an optimizer; call it in the strategy's scope.

        Args:
            make_optimizer: called once for each network.
            jit_compile: whether `fit` compiles the step with XLA.
        """
        super().compile(optimizer=None, jit_compile=jit_compile)
        self.generator_optimizer = make_optimizer()
        self.discriminator_optimizer = make_optimizer()
        # Built now: an unbuilt Adam fails under two replicas and is skipped
        # silently by a checkpoint.
        self.generator_optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(
            self.discriminator.trainable_variables
        )

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """The optimizers, by the name of the network they train."""
        return {
            "generator": self.generator_optimizer,
            "discriminator": self.discriminator_optimizer,
        }

    def call(self, inputs, training=False):
        return self.generator(inputs, training=training)

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
            fake_logits = self.discriminator((fundus, fake))
            real_logits = self.discriminator((fundus, real))
            terms = self._terms(real, fake, fake_logits)
            generator_loss = tf.add_n(
                [self._term_weights[k] * v for k, v in terms.items()]
            )
            discriminator_loss = losses.discriminator_adversarial_loss(
                real_logits, fake_logits
            )
            objectives = {
                "generator": self.generator_optimizer.scale_loss(
                    _share_of_global_mean(generator_loss)
                ),
                "discriminator": self.discriminator_optimizer.scale_loss(
                    _share_of_global_mean(discriminator_loss)
                ),
            }
        _update(
            self.generator_optimizer,
            tape,
            objectives["generator"],
            self.generator.trainable_variables,
        )
        _update(
            self.discriminator_optimizer,
            tape,
            objectives["discriminator"],
            self.discriminator.trainable_variables,
        )
        values = {f"loss/{term}": value for term, value in terms.items()}
        values["loss/generator"] = generator_loss
        values["loss/discriminator"] = discriminator_loss
        for name, value in values.items():
            self.train_means[name].update_state(value)
        return {name: m.result() for name, m in self.train_means.items()}

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Judge the generator on full frames, inside the valid mask.

        Args:
            batch: `fundus` uint8 [B, H, W, 3], `ffa` uint8 [B, H, W, 1],
                `valid_mask` uint8 [B, H, W, 1], 0 outside, and `weight`
                float32 [B], 0 for an image that must not count.

        Returns:
            Running means of `psnr` (dB) and `ssim`, by name.
        """
        fake = self.generator(from_grey_levels(batch["fundus"]))
        fake = to_grey_levels(fake)
        real, mask = batch["ffa"], batch["valid_mask"]
        for name, measure in (("psnr", psnr), ("ssim", ssim)):
            self.validation_means[name].update_state(
                measure(real, fake, mask), sample_weight=batch["weight"]
            )
        return {name: m.result() for name, m in self.validation_means.items()}

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


def _share_of_global_mean(per_sample: tf.Tensor) -> tf.Tensor:
    """Return this replica's part of the mean over the global batch.

    The one place where losses are scaled for replicas: gradients are summed
    over replicas, so the parts must add up to the mean, also when replicas
    hold unequal numbers of samples.
    """
    count = tf.cast(tf.shape(per_sample)[0], tf.float32)
    context = tf.distribute.get_replica_context()
    total = context.all_reduce(tf.distribute.ReduceOp.SUM, count)
    return tf.reduce_sum(per_sample) / total


def _update(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    objective: tf.Tensor,
    variables: list[keras.Variable],
) -> None:
    gradients = tape.gradient(objective, [v.value for v in variables])
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
