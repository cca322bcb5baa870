"""Make a generator fit for 8-bit arithmetic without changing its answers."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.models import InstanceNormalization, ResnetGenerator
from ffa_keras.models.resnet import Stage
from ffa_keras.ops import from_grey_levels

# Of each convolution and what normalises it.
_Variances = dict[
    tuple[keras.layers.Layer, keras.layers.Layer], list[tf.Tensor]
]


def equalize(
    generator: ResnetGenerator, photographs: Iterable[np.ndarray]
) -> None:
    """Bring all channels that are normalised to a like range, in place.

    An 8-bit tensor has one scale for all its channels, so that a loud channel
    silences the others. Instance normalisation undoes any factor on a channel:
    the kernel before it may be divided by the channel's usual deviation. What
    epsilon took from quiet channels, gamma takes instead.

    Args:
        generator: the generator.
        photographs: float32 [1, H, W, 3], grey levels; they show what is usual.
    """
    variances: _Variances = {}
    for fundus in photographs:
        _observe(generator.stages(), from_grey_levels(fundus), variances)
    for (convolution, norm), seen in variances.items():
        variance = np.mean(seen, axis=0)
        factor = 1 / np.sqrt(np.maximum(variance, norm.epsilon))
        share = (variance + norm.epsilon / factor**2) / (
            variance + norm.epsilon
        )
        norm.gamma.assign(norm.gamma * np.sqrt(share))
        if isinstance(convolution, keras.layers.Conv2DTranspose):
            factor = factor[:, None]
        convolution.kernel.assign(convolution.kernel * factor)


def _observe(
    stages: tuple[Stage, ...], x: tf.Tensor, variances: _Variances
) -> tf.Tensor:
    """Run stages and note the variance of what they normalise."""
    for stage, following in itertools.zip_longest(stages, stages[1:]):
        if stage.branch:
            x = x + _observe(stage.branch, x, variances)
            continue
        x = stage(x)
        norm = following and following.layer
        if isinstance(norm, InstanceNormalization):
            seen = variances.setdefault((stage.layer, norm), [])
            seen.append(tf.math.reduce_variance(x, axis=(0, 1, 2)))
    return x
