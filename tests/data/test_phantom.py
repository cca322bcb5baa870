"""Phantom pairs: deterministic, and the truth they carry is true."""

import time

import cv2
import numpy as np
import pytest

from ffa_keras.data.phantom import make_pair
from ffa_keras.errors import InputError

CATEGORIES = ("normal", "optic_disc", "large_focal", "punctate_focal")


def _green(pair):
    return pair.fundus[..., 1].astype(np.float32)


def _aligned_green(pair, matrix):
    size = pair.ffa.shape[:2][::-1]
    return cv2.warpAffine(_green(pair), matrix[:2], size, flags=cv2.INTER_CUBIC)


def _local(image, sigma=8):
    return image - cv2.GaussianBlur(image, (0, 0), sigma)


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("size", [128, 256])
def test_a_pair_is_what_it_promises(category, size):
    pair = make_pair(5, category, size)
    assert pair.fundus.shape == (size, size, 3)
    assert pair.category == category
    for image in (pair.ffa, pair.vessel_mask, pair.leakage_mask):
        assert image.shape == (size, size, 1)
    for image in (pair.fundus, pair.ffa, pair.vessel_mask, pair.leakage_mask):
        assert image.dtype == np.uint8
    assert set(np.unique(pair.vessel_mask)) == {0, 1}
    assert 0.04 < pair.vessel_mask.mean() < 0.2
    assert pair.leakage_mask.any() == (category != "normal")
    assert pair.leakage_mask.mean() < 0.2


def test_the_same_seed_gives_the_same_pair_and_another_another():
    first, again = (make_pair(3, "large_focal", 128) for _ in range(2))
    other = make_pair(4, "large_focal", 128)
    for name in ("fundus", "ffa", "matrix", "vessel_mask", "leakage_mask"):
        np.testing.assert_array_equal(
            getattr(first, name), getattr(again, name)
        )
    assert not np.array_equal(first.vessel_mask, other.vessel_mask)


def test_one_seed_shows_one_eye_in_every_category():
    eyes = [make_pair(3, category, 128) for category in CATEGORIES]
    for eye in eyes[1:]:
        np.testing.assert_array_equal(eye.vessel_mask, eyes[0].vessel_mask)
        np.testing.assert_array_equal(eye.matrix, eyes[0].matrix)


@pytest.mark.parametrize("category", CATEGORIES[1:])
def test_leakage_is_bright_in_the_ffa_where_the_truth_says(category):
    leaking = make_pair(8, category, 256, misalignment=0)
    normal = make_pair(8, "normal", 256, misalignment=0)
    gain = leaking.ffa.astype(float) - normal.ffa
    inside = leaking.leakage_mask > 0
    assert gain[inside].mean() > 30
    assert abs(np.median(gain[~inside])) < 6


@pytest.mark.parametrize("category", CATEGORIES[1:])
def test_the_cause_of_leakage_shows_faintly_in_the_fundus(category):
    leaking = make_pair(8, category, 256, misalignment=0)
    normal = make_pair(8, "normal", 256, misalignment=0)
    change = np.abs(leaking.fundus.astype(float) - normal.fundus).mean(-1)
    inside = leaking.leakage_mask[..., 0] > 0
    assert change[inside].mean() > 2 * change[~inside].mean()


def test_vessels_are_dark_in_the_fundus_and_bright_in_the_ffa():
    pair = make_pair(2, "normal", 512)
    vessel = cv2.erode(pair.vessel_mask, np.ones((3, 3))) > 0
    ffa = _local(pair.ffa[..., 0].astype(np.float32))
    green = _local(_aligned_green(pair, pair.matrix))
    centre = (slice(80, -80),) * 2
    assert ffa[centre][vessel[centre]].mean() > 10
    assert green[centre][vessel[centre]].mean() < -5


def test_the_matrix_aligns_the_fundus_to_within_a_pixel():
    pair = make_pair(6, "normal", 512)
    truth = cv2.GaussianBlur(
        pair.vessel_mask[..., 0].astype(np.float32), (0, 0), 1
    )
    centre = (slice(80, -80),) * 2

    def agreement(dx, dy):
        shift = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], float)
        dark = -_local(_aligned_green(pair, shift @ pair.matrix))
        return np.corrcoef(dark[centre].ravel(), truth[centre].ravel())[0, 1]

    shifts = [(dx, dy) for dx in range(-3, 4) for dy in range(-3, 4)]
    best = max(shifts, key=lambda shift: agreement(*shift))
    assert max(np.abs(best)) <= 1
    assert agreement(0, 0) > 0.5


def test_without_misalignment_the_matrix_is_the_identity():
    pair = make_pair(6, "normal", 128, misalignment=0)
    np.testing.assert_allclose(pair.matrix, np.eye(3), atol=1e-9)


def test_misalignment_stays_within_its_bounds():
    size = 128
    for seed in range(12):
        matrix = make_pair(seed, "normal", size).matrix
        zoom = np.sqrt(np.linalg.det(matrix[:2, :2]))
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        centre = np.array([(size - 1) / 2] * 2 + [1])
        shift = (matrix @ centre - centre)[:2]
        assert 0.95 <= zoom <= 1.05
        assert abs(angle) <= 6
        assert np.abs(shift).max() <= 0.07 * size


def test_both_round_and_square_photographs_occur():
    corners = [
        make_pair(s, "normal", 128).fundus[0, 0].max() for s in range(12)
    ]
    assert 0 in corners
    assert max(corners) > 40


def test_an_unknown_category_is_refused_by_name():
    with pytest.raises(InputError, match="'abnormal': phantoms are of normal"):
        make_pair(0, "abnormal", 128)


def test_a_full_size_pair_is_quick():
    """Half a second on one quiet core; the bound allows for a busy one."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        started = time.process_time()
        make_pair(0, "large_focal", 768)
        assert time.process_time() - started < 1.5
    finally:
        cv2.setNumThreads(threads)
