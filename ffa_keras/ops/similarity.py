"""PSNR and SSIM in grey levels (paper, Eqs. 8-10), also inside a mask."""

import numpy as np
import tensorflow as tf

from ffa_keras.ops.filters import gaussian_kernel

_RANGE = 255.0
_WINDOW = 11
_SIGMA = 1.5
_C1, _C2 = (0.01 * _RANGE) ** 2, (0.03 * _RANGE) ** 2


def psnr(
    real: tf.Tensor, fake: tf.Tensor, mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the peak signal-to-noise ratio of each image (Eqs. 8 and 9).

    Args:
        real: uint8 or float tensor [B, H, W, 1], grey levels 0-255.
        fake: likewise.
        mask: tensor [B, H, W, 1], 0 where pixels must not count; `None`
            counts all.

    Returns:
        float32 tensor [B], dB; infinite for equal images, NaN for an empty
        mask.
    """
    squares = tf.square(tf.cast(real, tf.float32) - tf.cast(fake, tf.float32))
    error = _mean(squares, mask)
    return 10.0 / np.log(10.0) * tf.math.log(_RANGE**2 / error)


def psnr_fitted(
    real: tf.Tensor, fake: tf.Tensor, mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the PSNR of each image once its exposure has been fitted.

    `fake` gets the gain, not below 0, and the offset of least squares where
    the mask counts, so that a brightness that no photograph tells is neither
    rewarded nor punished.

    Args:
        real: as for `psnr`.
        fake: likewise.
        mask: likewise.

    Returns:
        float32 tensor [B], dB; infinite for images that differ in exposure
        only, NaN for an empty mask.
    """
    centred = []
    for image in (real, fake):
        image = tf.cast(image, tf.float32)
        mean = _mean(image, mask)
        centred.append(image - mean[:, None, None, None])
    target, source = centred
    gain = tf.nn.relu(
        tf.math.divide_no_nan(
            _mean(target * source, mask), _mean(source * source, mask)
        )
    )
    return psnr(target, gain[:, None, None, None] * source, mask)


def ssim(
    real: tf.Tensor, fake: tf.Tensor, mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the structural similarity of each image (Eq. 10).

    Wang et al. 2004: 11x11 Gaussian window of sigma 1.5, K 0.01 and 0.03;
    equal to `tf.image.ssim`. Windows that would leave the image do not count.

    Args:
        real: uint8 or float tensor [B, H, W, 1], grey levels 0-255, H and W at
            least 11.
        fake: likewise.
        mask: tensor [B, H, W, 1]; only windows whose centre is not 0 count.
            `None` counts all.

    Returns:
        float32 tensor [B], at most 1; NaN where no window counts.
    """
    # Centred on mid grey: variances as differences of squares lose fewer bits.
    x = tf.cast(real, tf.float32) - 128.0
    y = tf.cast(fake, tf.float32) - 128.0
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variances = _window_mean(x * x + y * y) - mean_x**2 - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 128.0, mean_y + 128.0
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x**2 + mean_y**2 + _C1)
    structure = (2 * covariance + _C2) / (variances + _C2)
    if mask is not None:
        margin = _WINDOW // 2
        mask = mask[:, margin:-margin, margin:-margin]
    return _mean(luminance * structure, mask)


def _mean(values: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    if mask is None:
        return tf.reduce_mean(values, axis=(1, 2, 3))
    counts = tf.cast(tf.cast(mask, tf.float32) > 0, tf.float32)
    return tf.reduce_sum(values * counts, axis=(1, 2, 3)) / tf.reduce_sum(
        counts, axis=(1, 2, 3)
    )


def _window_mean(images: tf.Tensor) -> tf.Tensor:
    kernel = gaussian_kernel(_WINDOW, _SIGMA)
    for shape in ((-1, 1, 1, 1), (1, -1, 1, 1)):
        images = tf.nn.conv2d(images, kernel.reshape(shape), 1, "VALID")
    return images
