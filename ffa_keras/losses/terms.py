"""The terms that a generator's loss can be made of, by name.

A method lists those that it has: the fields `TERM_weight` of its options.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from ffa_keras.losses.adversarial import generator_adversarial_loss
from ffa_keras.losses.pixel import pixel_loss
from ffa_keras.losses.saliency import saliency_loss
from ffa_keras.ops import PAPER_WINDOW


class Step(NamedTuple):
    """What the terms look at in a training step.

    Attributes:
        fundus: photograph, float32 [B, H, W, 3] in [-1, 1].
        real: its FFA, float32 [B, h, w, 1] in [-1, 1]; smaller than the
            photograph, and shifted, where a shift is tolerated.
        fake: the generated FFA, float32 [B, h, w, 1] in [-1, 1].
        fake_logits: the discriminator's answer to it, float32 [B, H', W', 1].
        perceptual_loss: `PerceptualLoss`, where the method uses that term.
        saliency_windows: sides of the saliency's windows, pixels.
    """

    fundus: tf.Tensor
    real: tf.Tensor
    fake: tf.Tensor
    fake_logits: tf.Tensor
    perceptual_loss: Any = None
    saliency_windows: tuple[int, ...] = (PAPER_WINDOW,)


# Each returns one value for each image, float32 [B]; of the system, which none
# of these looks at, and of the step.
TERMS: dict[str, Callable[[Any, Step], tf.Tensor]] = {
    "adversarial": lambda _, step: generator_adversarial_loss(step.fake_logits),
    "pixel": lambda _, step: pixel_loss(step.real, step.fake),
    "perceptual": lambda _, step: step.perceptual_loss(step.real, step.fake),
    "saliency": lambda _, step: saliency_loss(
        step.real, step.fake, step.saliency_windows
    ),
}
