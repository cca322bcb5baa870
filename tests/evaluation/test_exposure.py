"""What exposure, registration and a few lines of OpenCV are worth."""

import os

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from skimage import draw

from ffa_keras.evaluation.classical import (
    ConstantFfa,
    equalised_green,
    flattened_green,
)
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.exposure import fit_exposure, fitted_errors
from ffa_keras.evaluation.measures.vessels import VESSELS, vessel_map


def _images(seed=0, size=48):
    rng = np.random.default_rng(seed)
    real = rng.integers(20, 200, (size, size, 1)).astype(np.uint8)
    fake = rng.normal(0.5 * real + 30, 12).clip(0, 255).astype(np.uint8)
    mask = np.zeros_like(real)
    mask[8:40, 4:] = 1
    return real, fake, mask


def test_the_fit_is_the_one_of_least_squares_inside_the_mask():
    real, fake, mask = _images()
    inside = mask > 0
    slope, offset = np.polyfit(fake[inside].astype(float), real[inside], 1)
    expected = slope * fake.astype(float) + offset
    np.testing.assert_allclose(fit_exposure(real, fake, mask), expected)
    errors = (expected - real)[inside]
    found = fitted_errors(real, fake, mask)
    assert found["psnr_fitted"] == pytest.approx(
        10 * np.log10(255**2 / np.mean(errors**2))
    )
    assert found["l1_fitted"] == pytest.approx(np.abs(errors).mean())


@settings(max_examples=20)
@given(st.floats(0.3, 1.2), st.floats(-20, 20), st.integers(0, 99))
def test_gain_and_offset_of_a_prediction_do_not_matter(gain, offset, seed):
    real, fake, mask = _images(seed)
    exposed = gain * fake.astype(float) + offset
    plain, other = (fitted_errors(real, x, mask) for x in (fake, exposed))
    assert other == pytest.approx(plain)


def test_a_negative_or_a_flat_prediction_is_worth_the_mean():
    real, _, mask = _images()
    mean = np.full_like(real, round(float(real[mask > 0].mean())))
    expected = fitted_errors(real, mean, mask)
    assert fitted_errors(real, 255 - real, mask) == expected
    assert fitted_errors(real, real, mask)["psnr_fitted"] == np.inf
    assert np.isnan(fitted_errors(real, real, 0 * mask)["l1_fitted"])


def _angiogram(size=400, shift=(0, 0)):
    rng = np.random.default_rng(0)
    image = np.full((size, size), 60.0)
    for _ in range(14):
        start, end = rng.integers(20, size - 20, (2, 2))
        rows, columns = draw.line(*(start + shift), *(end + shift))
        image[rows, columns] += 300
    image = cv2.GaussianBlur(image, (0, 0), 2)
    noise = rng.normal(0, 1, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)[..., None]


def _vessels(real, prediction):
    fundus = np.zeros((*real.shape[:2], 3), np.uint8)
    eye = Eye(fundus, real, np.ones(real.shape, bool))
    return VESSELS.of(eye)(prediction)


def test_the_last_digit_does_not_hang_on_the_number_of_cores(run_program):
    errors = """
import numpy as np
from ffa_keras.evaluation.measures.exposure import fitted_errors
rng = np.random.default_rng(0)
for _ in range(20):
    real, fake = rng.integers(0, 256, (2, 256, 256, 1), np.uint8)
    print(fitted_errors(real, fake, np.ones_like(real)))
"""
    one, two = (
        run_program(
            "-c", errors, env={**os.environ, "OPENBLAS_NUM_THREADS": threads}
        ).stdout
        for threads in "12"
    )
    assert one == two


def test_the_real_vessels_are_found_at_any_exposure():
    real = _angiogram()
    same = _vessels(real, real)
    assert min(same.values()) > 0.99
    for gain in (0.3, 0.5, 0.7):
        figures = _vessels(real, np.rint(gain * real).astype(np.uint8))
        assert figures["vessel_dice"] > 0.9
        assert figures["vessel_cldice"] > 0.9


def test_two_pixels_of_misregistration_are_forgiven_and_ten_are_not():
    real = _angiogram()
    near = _vessels(real, _angiogram(shift=(1, -2)))
    far = _vessels(real, _angiogram(shift=(7, -7)))
    assert near["vessel_auc"] > 0.97 > 0.85 > far["vessel_auc"]


def test_a_flat_prediction_has_no_vessels():
    real = _angiogram()
    flat = np.full_like(real, 60)
    assert vessel_map(flat, np.ones(flat.shape[:2], bool)) is None
    assert _vessels(real, flat) == {
        "vessel_dice": 0,
        "vessel_cldice": 0,
        "vessel_auc": 0.5,
    }
    assert np.isnan(_vessels(flat, real)["vessel_auc"])


@pytest.mark.parametrize("translate", [flattened_green, equalised_green])
def test_classical_pictures_turn_dark_vessels_bright(translate):
    ffa = _angiogram()
    fundus = np.repeat(160 - ffa // 2, 3, axis=2)
    # One-sided light, which both take out.
    slope = np.linspace(0.5, 1, ffa.shape[1])[:, None]
    fundus = (fundus * slope).astype(np.uint8)
    answer = translate(fundus)
    assert answer.shape == ffa.shape and answer.dtype == np.uint8
    assert _vessels(ffa, answer)["vessel_auc"] > 0.95


def test_flattening_takes_the_light_out():
    fundus = np.zeros((200, 200, 3), np.uint8)
    fundus[..., 1] = np.linspace(60, 200, 200)
    assert np.ptp(flattened_green(fundus)[20:-20, 30:-30]) <= 3


def test_the_constant_is_the_mean_of_the_training_images():
    constant = ConstantFfa()
    for level, size in ((30, 20), (120, 10)):
        constant.add(np.full((size, 10, 1), level, np.uint8))
    answer = constant(np.zeros((7, 5, 3), np.uint8))
    assert answer.shape == (7, 5, 1) and (answer == 60).all()
