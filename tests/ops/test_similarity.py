"""PSNR and SSIM against scikit-image, TensorFlow and NumPy float64."""

import numpy as np
import pytest
import tensorflow as tf
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ffa_keras.ops import psnr, psnr_fitted, ssim


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 256, (2, 40, 50, 1), dtype=np.uint8)
    noise = rng.normal(0, [[[[5]]], [[[40]]]], real.shape)
    return real, np.clip(real + noise, 0, 255).astype(np.uint8)


def _window(size=11):
    at = np.arange(size) - size // 2
    kernel = np.exp(-(at**2) / (2 * 1.5**2))
    return np.outer(kernel, kernel) / kernel.sum() ** 2


def _ssim_at(x, y):
    """SSIM of one 11x11 window, straight from Wang et al. in float64."""
    w = _window()
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum()
    cov = (w * (x - mx) * (y - my)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return ((2 * mx * my + c1) * (2 * cov + c2)) / (
        (mx**2 + my**2 + c1) * (vx + vy + c2)
    )


def test_psnr_equals_scikit_image(images):
    real, fake = images
    expected = [
        peak_signal_noise_ratio(r, f, data_range=255)
        for r, f in zip(real, fake, strict=True)
    ]
    np.testing.assert_allclose(psnr(real, fake), expected, rtol=1e-5)


def test_ssim_equals_scikit_image_on_whole_windows(images):
    real, fake = images
    expected = []
    for r, f in zip(real[..., 0], fake[..., 0], strict=True):
        _, full = structural_similarity(
            r, f, data_range=255, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        expected.append(full[5:-5, 5:-5].mean())
    np.testing.assert_allclose(ssim(real, fake), expected, atol=1e-5)


def test_ssim_equals_tensorflow(images):
    real, fake = (tf.cast(x, tf.float32) for x in images)
    np.testing.assert_allclose(
        ssim(real, fake), tf.image.ssim(real, fake, 255.0), atol=1e-5
    )


def test_psnr_in_a_mask_counts_its_pixels_only(images):
    real, fake = images
    mask = np.zeros_like(real)
    mask[:, 3:20, 7:30] = 255
    inside = mask[..., 0] > 0
    expected = []
    for r, f, m in zip(real, fake, inside, strict=True):
        error = np.square(r[m].astype(float) - f[m]).mean()
        expected.append(10 * np.log10(255**2 / error))
    np.testing.assert_allclose(psnr(real, fake, mask), expected, rtol=1e-5)
    other = np.where(mask > 0, fake, 255 - fake)
    np.testing.assert_allclose(psnr(real, other, mask), expected, rtol=1e-5)


def test_ssim_in_a_mask_counts_windows_centred_in_it(images):
    real, fake = images
    mask = np.zeros_like(real)
    centres = [(5, 5), (20, 31), (34, 44)]
    for y, x in centres:
        mask[:, y, x] = 1
    mask[:, 0, 0] = 1  # no whole window there
    expected = [
        np.mean(
            [
                _ssim_at(
                    r[y - 5 : y + 6, x - 5 : x + 6].astype(float),
                    f[y - 5 : y + 6, x - 5 : x + 6].astype(float),
                )
                for y, x in centres
            ]
        )
        for r, f in zip(real[..., 0], fake[..., 0], strict=True)
    ]
    np.testing.assert_allclose(ssim(real, fake, mask), expected, atol=1e-5)


def test_the_fitted_psnr_equals_numpys_least_squares(images):
    real, fake = images
    fake = (0.4 * real + 0.2 * fake + 9).astype(np.uint8)
    mask = np.zeros_like(real)
    mask[:, 3:20, 7:30] = 255
    expected = []
    for r, f, m in zip(real, fake, mask[..., 0] > 0, strict=True):
        terms = np.concatenate([f[m].astype(float), np.ones((m.sum(), 1))], 1)
        fitted = terms @ np.linalg.lstsq(terms, r[m].astype(float))[0]
        expected.append(10 * np.log10(255**2 / ((fitted - r[m]) ** 2).mean()))
    np.testing.assert_allclose(
        psnr_fitted(real, fake, mask), expected, rtol=1e-4
    )


def test_the_fitted_psnr_sees_no_exposure_and_no_negative(images):
    real = images[0].astype(np.float32)
    constant = psnr_fitted(real, np.full_like(real, 90))
    np.testing.assert_allclose(
        psnr_fitted(real, 255 - real), constant, rtol=1e-5
    )
    assert (psnr_fitted(real, 0.3 * real + 20).numpy() > 100).all()
    assert (psnr(real, 0.3 * real + 20).numpy() < 15).all()


def test_equal_images_are_perfect(images):
    real, _ = images
    assert np.isposinf(psnr(real, real)).all()
    np.testing.assert_allclose(ssim(real, real), [1, 1], atol=1e-6)


@pytest.mark.parametrize("level", [0, 255])
def test_flat_images_stay_exact(level):
    flat = np.full((1, 16, 16, 1), level, np.uint8)
    near = np.abs(flat.astype(int) - 1).astype(np.uint8)
    assert float(psnr(flat, near)[0]) == pytest.approx(48.1308, abs=1e-3)
    expected = _ssim_at(
        np.full((11, 11), float(level)),
        np.full((11, 11), float(near[0, 0, 0, 0])),
    )
    assert float(ssim(flat, near)[0]) == pytest.approx(expected, abs=1e-4)


def test_an_empty_mask_gives_nan(images):
    real, fake = images
    empty = np.zeros_like(real)
    assert np.isnan(psnr(real, fake, empty)).all()
    assert np.isnan(ssim(real, fake, empty)).all()
