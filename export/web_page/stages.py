"""What a generator does, layer by layer, for `page/generator.js`."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.models import (
    InstanceNormalization,
    ResidualBlock,
    ResnetGenerator,
    SmoothConv2DTranspose,
)
from ffa_keras.models.resnet import Stage

Layers = list[dict[str, Any]]


def describe(generator: keras.Model) -> tuple[Layers, bytes]:
    """Return the layers of a generator and their weights.

    Args:
        generator: the model.

    Returns:
        For each layer its kind, its settings and the shapes of its weights,
        or, of a residual block, the layers of its branch; and all weights one
        after the other, little-endian float32.

    Raises:
        InputError: it is no `ResnetGenerator`, or holds a layer that the page
            does not know.
    """
    if not isinstance(generator, ResnetGenerator) or generator.channels != 1:
        raise InputError(
            f"a page runs ResNet generators, not a {type(generator).__name__};"
            " export it with export.tflite or export.saved_model"
        )
    weights: list[np.ndarray] = []
    layers = _layers(generator.stages(), weights)
    return layers, b"".join(w.astype("<f4").tobytes() for w in weights)


def _layers(stages: Sequence[Stage], weights: list[np.ndarray]) -> Layers:
    return [
        _layer(stage, weights)
        for stage in stages
        if not isinstance(stage.layer, keras.layers.Dropout)
    ]


def _layer(stage: Stage, weights: list[np.ndarray]) -> dict[str, Any]:
    layer = stage.layer
    found = [np.asarray(weight, np.float32) for weight in layer.get_weights()]
    about: dict[str, Any]
    # By exact type: what is derived from a layer may do something else.
    kind = type(layer)
    if kind is ResidualBlock:
        return {"branch": _layers(stage.branch, weights), "shapes": []}
    if kind is keras.layers.Conv2D:
        padding = stage.padding.padding if stage.padding else 0
        about = {"layer": "convolution", "padding": padding}
        about["stride"] = layer.strides[0]
        if layer.filters == 1 and layer.strides == (1, 1):
            about["layer"] = "convolution_by_phase"
            found[0] = four_at_once(found[0])
    elif kind is SmoothConv2DTranspose:
        about = {"layer": "upsampling"}
        found = [by_phase(found[0])]
    elif kind is InstanceNormalization:
        about = {"layer": "normalization", "epsilon": layer.epsilon}
        found = [np.asarray(layer.gamma), np.asarray(layer.beta)]
    elif kind is keras.layers.ReLU:
        about = {"layer": "relu"}
    elif kind is keras.layers.Activation:
        about = {"layer": layer.activation.__name__}
    else:
        raise InputError(f"a page knows no layer of the kind {kind.__name__}")
    weights += found
    return {**about, "shapes": [list(weight.shape) for weight in found]}


def by_phase(kernel: np.ndarray) -> np.ndarray:
    """Return a transposed convolution of stride 2 as a plain one.

    Each pixel becomes 2x2, whose four values are convolutions of 2x2 pixels,
    the upper left ones first: a row 2i of the answer has a share of rows i - 1
    and i, a row 2i + 1 of row i alone. TensorFlow.js has no fast transposed
    convolution.

    Args:
        kernel: float32 [3, 3, out, in], of Keras.

    Returns:
        float32 [2, 2, in, 4 out], as `tf.nn.depth_to_space` by 2 takes them.
    """
    _, _, outputs, inputs = kernel.shape
    phases = np.zeros((2, 2, inputs, 2, 2, outputs), np.float32)
    # Of each phase: which tap reads which of the two pixels.
    taps = (((0, 2), (1, 0)), ((1, 1),))
    for down, rows in enumerate(taps):
        for across, columns in enumerate(taps):
            for y, row in rows:
                for x, column in columns:
                    phases[y, x, :, down, across] = kernel[row, column].T
    return phases.reshape(2, 2, inputs, 4 * outputs)


def four_at_once(kernel: np.ndarray) -> np.ndarray:
    """Return a convolution to one channel as one of stride 2 to four.

    Each 2x2 pixels of the answer become channels: engines compute four
    channels as fast as one.

    Args:
        kernel: float32 [k, k, in, 1].

    Returns:
        float32 [k + 1, k + 1, in, 4], as `tf.nn.depth_to_space` by 2 takes
        them.
    """
    size, _, inputs, _ = kernel.shape
    phases = np.zeros((size + 1, size + 1, inputs, 2, 2), np.float32)
    for down in range(2):
        for across in range(2):
            rows, columns = (
                slice(down, down + size),
                slice(across, across + size),
            )
            phases[rows, columns, :, down, across] = kernel[..., 0]
    return phases.reshape(size + 1, size + 1, inputs, 4)
