"""What every system shares: its optimizers, its figures, its validation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import keras
import tensorflow as tf

from ffa_keras.ops import (
    from_grey_levels,
    psnr,
    psnr_fitted,
    ssim,
    to_grey_levels,
)

Batch = Mapping[str, tf.Tensor]
# Of each image, [B], by the name of the term or of the optimizer.
Losses = dict[str, tf.Tensor]
_VALIDATION = {"psnr": psnr, "ssim": ssim, "psnr_fitted": psnr_fitted}


class System(keras.Model):
    """A generator, and the networks that are trained with it.

    Subclasses give `losses_of`, and `TERMS` if the generator's loss has terms.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], all in [-1, 1].
        networks: those that each optimizer updates, by its name; built.
        weights: of the terms of the generator's loss, by name; a term with
            weight 0 is not computed.

    Attributes:
        TERMS: what makes each term, float32 [B], of the system and of what a
            step has shown.

    Raises:
        ValueError: there is no such term.
    """

    TERMS: ClassVar[Mapping[str, Callable[[Any, Any], tf.Tensor]]] = {}

    def __init__(
        self,
        generator: keras.Model,
        networks: Mapping[str, Sequence[keras.Model]],
        weights: Mapping[str, float] = MappingProxyType({}),
    ):
        super().__init__()
        self.generator = generator
        self._networks = {k: list(v) for k, v in networks.items()}
        for name in weights:
            if name not in self.TERMS:
                raise ValueError(f"no such loss term: {name}")
        self._term_weights = {k: v for k, v in weights.items() if v}
        names = [f"loss/{name}" for name in (*self._term_weights, *networks)]
        self.train_means = {n: keras.metrics.Mean(name=n) for n in names}
        self.validation_means = {
            n: keras.metrics.Mean(name=n) for n in _VALIDATION
        }
        self.built = True

    def compile(
        self, make_optimizer: Callable[[str], keras.optimizers.Optimizer]
    ) -> None:
        """Make the optimizers; call it in the strategy's scope.

        Args:
            make_optimizer: the optimizer of that name; called once for each.
        """
        for name in self._networks:
            optimizer = make_optimizer(name)
            # Built now: an unbuilt Adam fails under two replicas and is
            # skipped silently by a checkpoint.
            optimizer.build(self.variables_of(name))
            # An attribute each, so that checkpoints find them.
            setattr(self, f"{name}_optimizer", optimizer)

    @property
    def optimizers(self) -> dict[str, keras.optimizers.Optimizer]:
        """The optimizers, by the name of what they train."""
        return {n: getattr(self, f"{n}_optimizer") for n in self._networks}

    def variables_of(self, name: str) -> list[keras.Variable]:
        """Return the variables that an optimizer updates.

        Args:
            name: of the optimizer.
        """
        return [
            variable
            for network in self._networks[name]
            for variable in network.trainable_variables
        ]

    def losses_of(self, batch: Batch) -> tuple[Losses, Losses]:
        """Return the losses of every image, [B], by name.

        Args:
            batch: as of `train_step`.

        Returns:
            The terms of the generator's loss, and what each optimizer
            minimises.
        """
        raise NotImplementedError

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update every network once.

        Args:
            batch: `fundus` [B, H, W, 3] and `ffa` [B, H, W, 1], float32 in
                [-1, 1]; B is this replica's share. Those of a method that is
                not `paired` need not be of the same places.

        Returns:
            The running mean of every loss of the epoch, by name.
        """
        with tf.GradientTape(persistent=True) as tape:
            terms, per_image = self.losses_of(batch)
            objectives = self.objectives(per_image)
        self.update(tape, objectives)
        return self.report({**terms, **per_image})

    def terms(self, step: Any) -> Losses:
        """Return every term of the generator's loss that counts, [B], by name.

        Args:
            step: what the terms of this system look at.
        """
        return {
            name: self.TERMS[name](self, step) for name in self._term_weights
        }

    def weighted(self, terms: Losses) -> tf.Tensor:
        """Return the weighted sum of the terms, [B].

        Args:
            terms: all that have a weight.
        """
        weights = self._term_weights
        return tf.add_n([weights[name] * term for name, term in terms.items()])

    def objectives(
        self, per_image: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Return what each optimizer minimises; call it under the tape.

        Args:
            per_image: the loss of each image, [B], by the optimizer's name.
        """
        return {
            name: self.optimizers[name].scale_loss(_share_of_global_mean(loss))
            for name, loss in per_image.items()
        }

    def update(
        self, tape: tf.GradientTape, objectives: Mapping[str, tf.Tensor]
    ) -> None:
        """Let each optimizer take one step.

        Args:
            tape: persistent, with the objectives recorded.
            objectives: of the method of that name.
        """
        # All gradients before any update: they belong to the same weights.
        gradients = {
            name: tape.gradient(
                objective, [v.value for v in self.variables_of(name)]
            )
            for name, objective in objectives.items()
        }
        for name, parts in gradients.items():
            self.optimizers[name].apply_gradients(
                zip(parts, self.variables_of(name), strict=True)
            )

    def report(self, values: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Add the losses of a step to their means.

        Args:
            values: of each image, [B], by the name of the term or optimizer.

        Returns:
            The running mean of every loss, as logs name it, `loss/...`.
        """
        for name, value in values.items():
            self.train_means[f"loss/{name}"].update_state(value)
        return {name: m.result() for name, m in self.train_means.items()}

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Judge the generator on full frames, inside the valid mask.

        Args:
            batch: `fundus` uint8 [B, H, W, 3], `ffa` uint8 [B, H, W, 1],
                `valid_mask` uint8 [B, H, W, 1], 0 outside, and `weight`
                float32 [B], 0 for an image that must not count. With `fake`,
                uint8 [B, H, W, 1], that is judged: of frames that the
                generator does not take as they are.

        Returns:
            Running means of `psnr` (dB), `ssim` and `psnr_fitted` (dB), by
            name.
        """
        fake = batch.get("fake")
        if fake is None:
            fake = self.generator(from_grey_levels(batch["fundus"]))
            fake = to_grey_levels(fake)
        real, mask = batch["ffa"], batch["valid_mask"]
        for name, measure in _VALIDATION.items():
            self.validation_means[name].update_state(
                measure(real, fake, mask), sample_weight=batch["weight"]
            )
        return {name: m.result() for name, m in self.validation_means.items()}


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
