"""Make a generator fit for 8-bit arithmetic without changing its answers."""

import itertools
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.models import InstanceNormalization, ResidualBlock
from ffa_keras.ops import from_grey_levels


def equalize(generator: keras.Model, photographs: Iterable[np.ndarray]) -> None:
    """Bring all channels that are normalised to a like range, in place.

    An 8-bit tensor has one scale for all its channels, so that a loud channel
    silences the others. Instance normalisation undoes any factor on a channel:
    the kernel before it may be divided by the channel's usual deviation. What
    epsilon took from quiet channels, gamma takes instead.

    Args:
        generator: a `ResnetGenerator`.
        photographs: float32 [1, H, W, 3], grey levels; they show what is usual.
    """
    variances: dict[keras.layers.Layer, list[tf.Tensor]] = {}
    for fundus in photographs:
        _observe(generator.network.layers, from_grey_levels(fundus), variances)
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
    layers: list[keras.layers.Layer], x: tf.Tensor, variances: dict
) -> tf.Tensor:
    """Run layers and note the variance of what they normalise."""
    for layer, following in itertools.zip_longest(layers, layers[1:]):
        if isinstance(layer, ResidualBlock):
            x = x + _observe(layer.branch.layers, x, variances)
            continue
        x = layer(x)
        if isinstance(following, InstanceNormalization):
            seen = variances.setdefault((layer, following), [])
            seen.append(tf.math.reduce_variance(x, axis=(0, 1, 2)))
    return x
