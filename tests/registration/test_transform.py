"""Fitting, reading and applying the transform of a pair."""

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.registration.polynomial import fit_polynomial
from ffa_keras.registration.transform import (
    apply_matrix,
    fit_landmarks,
    parse_affine,
    warp_to_ffa,
)

AFFINE = np.array([[1.02, 0.08, -40.0], [-0.06, 0.97, 95.0], [0, 0, 1]])


def _points(count, seed=0, size=700.0):
    return np.random.default_rng(seed).uniform(0, size, (count, 2))


def _texture(shape, seed=0):
    noise = np.random.default_rng(seed).uniform(0, 255, shape)
    return cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8)


@pytest.mark.parametrize("count", [3, 4, 5, 6, 20, 40])
def test_exact_landmarks_give_the_exact_affine(count):
    xy = _points(count)
    found = fit_landmarks(xy, apply_matrix(AFFINE, xy))
    np.testing.assert_allclose(found, AFFINE, atol=1e-8)


def test_wrong_labels_do_not_pull_the_fit():
    xy = _points(20)
    marked = apply_matrix(AFFINE, xy)
    marked += np.random.default_rng(1).normal(0, 2, marked.shape)
    marked[[3, 8, 11, 15]] += [[43, 0], [0, -60], [300, 200], [-90, 25]]
    found = fit_landmarks(xy, marked)
    grid = _points(200, seed=2)
    error = apply_matrix(found, grid) - apply_matrix(AFFINE, grid)
    assert np.linalg.norm(error, axis=1).max() < 4


@pytest.mark.parametrize(
    ("fundus_xy", "ffa_xy", "says"),
    [
        ([[0, 0], [9, 9]], [[0, 0], [9, 9]], "at least 3"),
        ([[0, 0], [9, 9], [3, 7]], [[0, 0], [9, 9]], "3 in the fundus but 2"),
        ([[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 5], [7, 2]], "on a line"),
        ([[0, 0], [1, 5], [7, 2]], [[0, 0], [1, 1], [2, 2]], "on a line"),
        ([[5, 5]] * 6, [[5, 5]] * 6, "on a line"),
        ([[0, 0], [1, 5], [7, np.nan]], [[0, 0], [1, 5], [7, 2]], "number"),
        ([1, 2, 3], [1, 2, 3], "list of"),
    ],
)
def test_landmarks_that_fix_no_affine_are_refused(fundus_xy, ffa_xy, says):
    with pytest.raises(InputError, match=says):
        fit_landmarks(np.array(fundus_xy), np.array(ffa_xy))


def test_six_numbers_are_read_row_by_row():
    expected = [[1.5, 0, -3], [0.25, 1, 7], [0, 0, 1]]
    for text in ("1.5 0 -3 .25 1 7", "1.5, 0, -3,\n.25, 1, 7e0"):
        np.testing.assert_array_equal(parse_affine(text), expected)


@pytest.mark.parametrize(
    "text", ["", "1 0 0 0 1", "1 0 0 0 1 0 0", "1 0 a 0 1 0", "1 0 nan 0 1 0"]
)
def test_anything_but_six_numbers_is_refused(text):
    with pytest.raises(InputError, match="six numbers"):
        parse_affine(text)


def test_a_flat_affine_is_refused():
    with pytest.raises(InputError, match="to a line"):
        parse_affine("1 2 0 2 4 0")


def test_identity_keeps_every_pixel_and_marks_all_inside():
    image = _texture((70, 90, 3))
    warped, inside = warp_to_ffa(image, np.eye(3), (70, 90))
    np.testing.assert_array_equal(warped, image)
    assert inside.all()


def test_whole_pixel_shift_moves_pixels_and_says_what_is_missing():
    image = _texture((300, 90))
    shift = np.array([[1, 0, 10], [0, 1, -4], [0, 0, 1.0]])
    warped, inside = warp_to_ffa(image, shift, (310, 120))
    expected = np.zeros((310, 120), np.uint8)
    expected[:296, 10:100] = image[4:]
    known = np.zeros((310, 120), bool)
    known[:296, 10:100] = True
    np.testing.assert_array_equal(warped, expected)
    np.testing.assert_array_equal(inside, known)


def test_inside_excludes_samples_that_reach_over_the_edge():
    shift = np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1.0]])
    _, inside = warp_to_ffa(np.ones((20, 30), np.uint8), shift, (20, 30))
    # Pixel 1 samples x = 0.5 from columns -1..2, pixel 2 from columns 0..3.
    assert inside[0].tolist() == [False] * 2 + [True] * 27 + [False]


def test_projective_warp_agrees_with_opencv():
    image = _texture((300, 340, 3))
    matrix = AFFINE.copy()
    matrix[2, :2] = [2e-4, -1e-4]
    warped, inside = warp_to_ffa(image, matrix, (290, 310))
    oracle = cv2.warpPerspective(
        image, matrix, (310, 290), flags=cv2.INTER_CUBIC
    )
    assert inside.mean() > 0.3
    difference = np.abs(warped.astype(int) - oracle)[inside]
    assert difference.max() <= 4 and difference.mean() < 0.5


def test_a_warp_far_outside_is_all_black():
    far = np.array([[1, 0, 1e7], [0, 1, 0], [0, 0, 1.0]])
    warped, inside = warp_to_ffa(_texture((40, 40)), far, (40, 40))
    assert not warped.any() and not inside.any()


def test_quadratic_fit_is_exact_on_a_quadratic_map():
    xy = _points(30)
    x, y = xy.T / 700
    mapped = np.stack(
        [5 + 690 * x + 20 * y + 9 * x * x - 4 * x * y, 3 + 700 * y - 6 * y * y],
        -1,
    )
    fit = fit_polynomial(xy, mapped, order=2)
    np.testing.assert_allclose(fit(xy), mapped, atol=1e-8)
    assert np.abs(fit_polynomial(xy, mapped, 1)(xy) - mapped).max() > 0.5


def test_weights_of_zero_leave_points_out():
    xy = _points(12)
    mapped = apply_matrix(AFFINE, xy)
    mapped[5] += 100
    weights = np.ones(12)
    weights[5] = 0
    fit = fit_polynomial(xy, mapped, 1, weights)
    np.testing.assert_allclose(fit(xy), apply_matrix(AFFINE, xy), atol=1e-8)
