"""The saliency map of an FFA image (paper, section 2.2, Eq. 1)."""

import numpy as np
import tensorflow as tf

from ffa_keras.ops.filters import gaussian_filter2d
from ffa_keras.ops.median import median_filter2d

# Wider than any vessel and narrower than the optic disc.
PAPER_WINDOW = 51
_DENOISING_WINDOW = 7
# Of a picture whose saliency is computed at once.
_PIXELS_AT_ONCE = 2**20


def saliency_map(
    images: tf.Tensor, gain: float = 1.0, window: int = PAPER_WINDOW
) -> tf.Tensor:
    """Return what stands out: `gain (Gauss_7x7(I) - median_51x51(I))`.

    Args:
        images: uint8, int32 (for TensorFlow Lite) or float tensor
            [B, H, W, C], grey levels 0-255.
        gain: the factor `a` of Eq. 1. Defaults to `1`.
        window: side of the median's window, odd, pixels. Defaults to `51`,
            the paper's.

    Returns:
        float32 tensor [B, H, W, C], grey levels; positive on vessels, disc and
        leakage. Differentiable in `images`.
    """
    images = tf.convert_to_tensor(images)
    background = median_filter2d(images, window)
    details = gaussian_filter2d(images, _DENOISING_WINDOW)
    return gain * (details - tf.cast(background, tf.float32))


def picture_saliency(
    picture: np.ndarray, at_once: int = _PIXELS_AT_ONCE
) -> np.ndarray:
    """Return the saliency map of one picture of any size, compiled.

    Args:
        picture: uint8 [H, W, 1].
        at_once: pixels that are computed at once; a larger picture is done in
            strips, to the same answer, so that memory is bounded.

    Returns:
        float32 [H, W, 1], grey levels, as `saliency_map`.
    """
    height, width, _ = picture.shape
    step = max(1, at_once // width)
    halo = PAPER_WINDOW // 2
    strips = []
    for top in range(0, height, step):
        above = min(halo, top)
        rows = picture[None, top - above : top + step + halo]
        saliency = _compiled_map(tf.constant(rows))
        strips.append(saliency[0, above : above + step].numpy())
    return np.concatenate(strips)


# Not traced again for every size of picture.
_compiled_map = tf.function(
    saliency_map, jit_compile=True, autograph=False, reduce_retracing=True
)
