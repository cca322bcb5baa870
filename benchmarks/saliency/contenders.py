"""Implementations of the median filter, each timed in a process of its own.

`python -m benchmarks.saliency.contenders NAME` serves one of them;
`benchmarks.saliency` asks.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import Reply, serve, status_mb, timed

# Makes, for a window, what filters the uint8 image [H, W] it is given.
Contender = Callable[[int], Callable[[np.ndarray], object]]

# Seconds; nothing that compiles takes as long.
_TOO_SLOW_TO_REPEAT = 8.0


def test_image(size: int) -> np.ndarray:
    """Return a uint8 image [size, size]: smooth structure and noise, 0-255."""
    rng = np.random.default_rng(size)
    y, x = np.mgrid[:size, :size] / 64.0
    smooth = 110 + 60 * np.sin(x) * np.cos(0.7 * y) + 40 * np.sin(0.3 * x + y)
    noisy = smooth + rng.normal(0, 25, smooth.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _ours(jit_compile: bool, backward: bool) -> Contender:
    import tensorflow as tf

    from ffa_keras.ops import median_filter2d

    def make(window: int) -> Callable[[np.ndarray], object]:
        @tf.function(jit_compile=jit_compile)
        def step(images: tf.Tensor) -> object:
            if not backward:
                return median_filter2d(images, window)
            images = tf.cast(images, tf.float32)
            with tf.GradientTape() as tape:
                tape.watch(images)
                outputs = median_filter2d(images, window)
            return outputs, tape.gradient(outputs, images, outputs)

        return lambda image: [
            x.numpy() for x in tf.nest.flatten(step(image[None, ..., None]))
        ]

    return make


def _opencv() -> Contender:
    import cv2

    return lambda window: lambda image: cv2.medianBlur(image, window)


def _scipy() -> Contender:
    import scipy.ndimage

    return lambda window: (
        lambda image: scipy.ndimage.median_filter(image, window, mode="nearest")
    )


def _scikit_image() -> Contender:
    from skimage.filters import rank

    return lambda window: (
        lambda image: rank.median(image, np.ones((window, window), np.uint8))
    )


def _torch_unfold() -> Contender:
    import torch

    def make(window: int) -> Callable[[np.ndarray], object]:
        def run(image: np.ndarray) -> object:
            margin = [window // 2] * 4
            images = torch.from_numpy(image)[None, None].float()
            padded = torch.nn.functional.pad(images, margin, mode="replicate")
            patches = padded.unfold(2, window, 1).unfold(3, window, 1)
            return patches.reshape(*images.shape, -1).median(-1).values

        return run

    return make


def _kornia() -> Contender:
    import torch
    from kornia.filters import median_blur

    return lambda window: (
        lambda image: median_blur(
            torch.from_numpy(image)[None, None].float(), (window, window)
        )
    )


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "ours, graph": lambda: _ours(False, False),
    "ours, XLA": lambda: _ours(True, False),
    "ours, graph, with gradient": lambda: _ours(False, True),
    "ours, XLA, with gradient": lambda: _ours(True, True),
    "OpenCV": _opencv,
    "SciPy": _scipy,
    "scikit-image": _scikit_image,
    "PyTorch, unfold": _torch_unfold,
    "kornia": _kornia,
}


def _timed_with_memory(
    call: Callable[[], object],
) -> tuple[float, float | None]:
    """Return as well how far a call raises resident memory, MB."""
    if not os.path.exists("/proc/self/clear_refs"):
        return timed(call), None
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status_mb("VmRSS")
    seconds = timed(call)
    return seconds, status_mb("VmHWM") - before


class _Filter:
    """One contender at work: a new job is prepared, the last one repeated."""

    def __init__(self, contender: Contender):
        self._contender = contender
        self._call: Callable[[], object] = tuple

    def __call__(self, size: int = 0, window: int = 0) -> Reply:
        try:
            if not window:
                return {"seconds": timed(self._call)}
            run = self._contender(window)
            self._call = functools.partial(run, test_image(size))
            seconds, memory = _timed_with_memory(self._call)
            if seconds < _TOO_SLOW_TO_REPEAT:
                # The first call compiled as well.
                seconds, memory = _timed_with_memory(self._call)
        except (MemoryError, RuntimeError) as error:
            return {"error": type(error).__name__}
        return {"seconds": seconds, "memory": memory}


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    serve(lambda: ({}, _Filter(CONTENDERS[sys.argv[1]]())))
