"""The parts of a registration, each against a known answer."""

import cv2
import numpy as np
import pytest
from scipy.optimize import minimize

from ffa_keras.registration import vessels
from ffa_keras.registration.descriptors import describe, ridge_orientations
from ffa_keras.registration.keypoints import detect
from ffa_keras.registration.matching import mutual_matches
from ffa_keras.registration.polynomial import fit_polynomial
from ffa_keras.registration.refine import block_shifts, refine
from ffa_keras.registration.retina import field_of_view, is_circular
from ffa_keras.registration.robust import (
    em_fit,
    l2e_displacement,
    ransac_similarity,
    rpm_inliers,
)

RNG = np.random.default_rng(5)


def _texture(size=160, sigma=3, seed=0):
    noise = np.random.default_rng(seed).normal(size=(size, size))
    smooth = cv2.GaussianBlur(noise, (0, 0), sigma)
    return (128 + 40 * smooth / smooth.std()).astype(np.float32)


def _tree(shape=(300, 320), shift=(0.0, 0.0), seed=3):
    """Bright vessels on a dark ground, drawn at a sub-pixel shift."""
    rng = np.random.default_rng(seed)
    image = np.zeros(shape, np.uint8)
    for _ in range(14):
        walk = np.cumsum(rng.normal(0, 6, (60, 2)) + rng.normal(0, 4, 2), 0)
        line = walk + rng.uniform(0, 1, 2) * shape[::-1] + shift
        fixed_point = np.rint(line * 256).astype(np.int32)
        cv2.polylines(image, [fixed_point], False, 255, 3, cv2.LINE_AA, 8)
    return cv2.GaussianBlur(image, (0, 0), 1.2).astype(np.float32) / 255


def _matches(count, outliers, noise=1.0, seed=0):
    """Matches under a known affine, of which some are uniformly wrong."""
    rng = np.random.default_rng(seed)
    source = rng.uniform(0, 700, (count, 2))
    linear = np.array([[0.98, 0.06], [-0.05, 1.03]])
    target = source @ linear.T + [40, -25] + rng.normal(0, noise, (count, 2))
    wrong = np.arange(count) < outliers
    target[wrong] = rng.uniform(0, 700, (outliers, 2))
    return source, target, ~wrong, lambda xy: xy @ linear.T + [40, -25]


# Vessels


@pytest.mark.parametrize("polarity", [1, -1])
def test_vessels_are_found_whatever_their_sign(polarity):
    drawn = _tree()
    grey = 128 + polarity * 60 * drawn
    whole = np.ones(grey.shape, bool)
    assert vessels.vessel_polarity(grey, whole) == polarity
    strength = vessels.vessel_map(grey, whole, polarity)
    inner = vessels.eroded(whole, 12)
    on, off = inner & (drawn > 0.8), inner & (drawn < 0.01)
    assert strength[on].mean() > 0.5
    assert strength[off].mean() < 0.05
    assert strength.min() >= 0 and strength.max() == 1
    assert not strength[~vessels.eroded(whole, 10)].any()


def test_the_rim_of_the_retina_is_no_vessel():
    disc = np.zeros((200, 200), np.float32)
    cv2.circle(disc, (100, 100), 80, 150.0, -1)
    mask = field_of_view(disc)
    assert abs(mask.sum() / (np.pi * 80**2) - 1) < 0.1
    assert vessels.vessel_map(disc, mask, 1).max() == 0


def test_a_grey_surround_is_not_retina():
    image = np.full((200, 200), 70, np.float32)
    cv2.circle(image, (100, 100), 80, 150.0, -1)
    mask = field_of_view(image)
    assert abs(mask.sum() / (np.pi * 80**2) - 1) < 0.1


def test_a_frame_full_of_retina_has_no_surround():
    assert field_of_view(_texture()).mean() > 0.98


def test_the_centreline_of_a_line_is_one_pixel_wide():
    image = np.zeros((80, 120), np.uint8)
    cv2.line(image, (10, 20), (110, 60), 255, 5, cv2.LINE_AA)
    smooth = cv2.GaussianBlur(image, (0, 0), 2).astype(np.float32) / 255
    crest = vessels.centreline(smooth)
    row, column = np.nonzero(crest)
    assert 90 < len(row) < 140
    off = np.abs((column - 10) * 0.4 + 20 - row) / np.hypot(1, 0.4)
    assert off.max() < 2


# Keypoints


def test_blobs_are_found_at_their_centres():
    image = np.zeros((200, 240), np.float32)
    centres = np.array([[60, 50], [150, 80], [101, 140]])
    for x, y in centres:
        cv2.circle(image, (int(x), int(y)), 7, 255, -1)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    found = detect(image, np.ones(image.shape, bool))
    distance = np.linalg.norm(found[:, None] - centres, axis=-1)
    assert (distance.min(0) < 1.5).all()


def test_keypoints_are_capped_masked_and_spread():
    image = _texture(400)
    mask = np.zeros(image.shape, bool)
    mask[:, 100:] = True
    xy = detect(image, mask, most=150)
    assert len(xy) == 150
    assert xy[:, 0].min() > 99
    cells = {tuple(cell) for cell in (xy // 48).astype(int)}
    assert len(cells) >= 50  # of 63 cells in the mask


def test_a_flat_image_has_no_keypoints():
    flat = np.full((100, 90), 77, np.float32)
    assert detect(flat, np.ones(flat.shape, bool)).shape == (0, 2)


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (30, 20)])
def test_small_images_are_no_problem_for_the_detector(shape):
    detect(np.zeros(shape, np.float32), np.ones(shape, bool))


# Descriptors


def _points():
    return np.array([[60.0, 70.0], [80.0, 80.0], [95.0, 62.0], [79.5, 79.5]])


@pytest.mark.parametrize("symmetric", [True, False])
def test_contrast_inversion_leaves_descriptors_alone(symmetric):
    image = _texture()
    one, other = (
        describe(picture, _points(), 0.3, 20, symmetric)
        for picture in (image, 255 - image)
    )
    np.testing.assert_allclose(one, other, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(one, axis=1), 1, atol=1e-5)


def test_a_half_turn_leaves_symmetric_descriptors_alone():
    image = _texture()
    turned = image[::-1, ::-1].copy()
    one = describe(image, _points(), 0.7, 20, symmetric=True)
    other = describe(turned, 159 - _points(), 0.7, 20, symmetric=True)
    np.testing.assert_allclose(one, other, atol=2e-3)
    plain = describe(image, _points(), 0.7, 20)
    assert (
        np.abs(plain - describe(turned, 159 - _points(), 0.7, 20)).max() > 0.1
    )


def test_a_turned_image_matches_at_the_turned_angle():
    image = _texture()
    turned = np.rot90(image, -1).copy()  # Clockwise: (x, y) -> (159 - y, x).
    xy = _points()
    there = np.stack([159 - xy[:, 1], xy[:, 0]], -1)
    one = describe(image, xy, 0.0, 20)
    other = describe(turned, there, np.pi / 2, 20)
    assert (one * other).sum(1).min() > 0.99


def test_orientation_follows_the_ridge():
    for degrees in (0, 30, 90, 135):
        image = np.zeros((101, 101), np.float32)
        direction = np.deg2rad(degrees)
        tip = 60 * np.array([np.cos(direction), np.sin(direction)])
        ends = [tuple(np.rint(50 + s * tip).astype(int)) for s in (1, -1)]
        cv2.line(image, ends[0], ends[1], 200.0, 5)
        image = cv2.GaussianBlur(image, (0, 0), 2)
        found = ridge_orientations(image, np.array([[50.0, 50.0]]))[0]
        off = np.mod(found - direction + np.pi / 2, np.pi) - np.pi / 2
        assert abs(np.rad2deg(off)) < 3


def test_only_mutual_and_clear_matches_are_kept():
    angles = np.deg2rad([[0, 40, 80, 80.2], [1, 42, 79, 150]])
    first, second = (np.stack([np.cos(a), np.sin(a)], -1) for a in angles)
    # The third and fourth of `first` are almost equally far from one.
    kept = mutual_matches(first.astype("f4"), second.astype("f4"), 0.8)
    assert kept.tolist() == [[0, 0], [1, 1]]
    assert mutual_matches(first[:1], second, 0.9).shape == (0, 2)


# Robust fits


@pytest.mark.parametrize("ratio", [0.3, 0.5, 0.9])
def test_ransac_and_em_find_the_affine_among_outliers(ratio):
    count = 150
    source, target, right, truth = _matches(
        count, round((1 - ratio) * count), noise=2.0
    )
    start = ransac_similarity(source, target)
    fit, inliers, sigma = em_fit(source, target, start, 1, 0.5)
    grid = np.random.default_rng(9).uniform(0, 700, (100, 2))
    assert np.linalg.norm(fit(grid) - truth(grid), axis=1).max() < 3
    assert inliers[right].mean() > 0.9
    assert inliers[~right].mean() < 0.05
    assert 1.5 < sigma < 2.5


def test_ransac_without_enough_matches_finds_nothing():
    for count in (0, 1, 2):
        xy = np.zeros((count, 2))
        assert not ransac_similarity(xy, xy).any()


@pytest.mark.parametrize("ratio", [0.4, 0.7])
def test_robust_point_matching_finds_the_right_matches(ratio):
    count = 120
    source, target, right, _ = _matches(
        count, round((1 - ratio) * count), noise=1.0, seed=4
    )
    found = rpm_inliers(source, target)
    assert found[right].mean() > 0.6
    assert found[~right].sum() <= 2


def test_the_l2e_solution_is_the_minimum_a_general_optimiser_finds():
    rng = np.random.default_rng(2)
    basis = np.c_[rng.normal(size=(40, 2)), np.ones(40)]
    goal = basis @ rng.normal(0, 0.2, (3, 2)) + rng.normal(0, 0.05, (40, 2))
    goal[:10] += rng.normal(0, 1, (10, 2))
    penalty = 0.0005 * basis.T @ basis
    sigma2 = 0.3

    def loss(flat):
        c = flat.reshape(3, 2)
        square = ((goal - basis @ c) ** 2).sum(1)
        fit = -2 / (2 * np.pi * sigma2 * 40) * np.exp(-square / 2 / sigma2)
        return np.trace(c.T @ penalty @ c) / 2 + fit.sum()

    oracle = minimize(loss, np.zeros(6), method="BFGS", tol=1e-12)
    ours, _ = l2e_displacement(basis, penalty, goal, sigma2)
    np.testing.assert_allclose(ours, basis @ oracle.x.reshape(3, 2), atol=1e-4)


# Refinement


def test_block_shifts_are_sub_pixel():
    shift = np.array([2.4, -1.7])
    points, shifts = block_shifts(_tree(), _tree(shift=shift), reach=8)
    assert len(points) >= 30
    assert np.abs(np.median(shifts, axis=0) - shift).max() < 0.1
    assert (np.linalg.norm(shifts - shift, axis=1) < 0.5).mean() > 0.9


def test_refinement_recovers_a_quadratic_distortion():
    fixed = _tree((420, 440), seed=8)
    grid = np.stack(np.meshgrid(np.arange(440.0), np.arange(420.0)), -1)

    def distort(xy):
        v = (xy - 210) / 210
        return xy + np.stack(
            [3 * v[..., 0] ** 2, 2 * v[..., 0] * v[..., 1]], -1
        )

    # moving(distort(p)) = fixed(p), by inverting the small distortion.
    back = grid.copy()
    for _ in range(10):
        back = grid - (distort(back) - back)
    moving = cv2.remap(
        fixed, *np.moveaxis(back.astype("f4"), -1, 0), cv2.INTER_CUBIC
    )
    fit, points, _ = refine(fixed, moving, lambda xy: xy + [1.5, -1.0])
    assert len(fit.coefficients) == 6
    error = np.linalg.norm(fit(points) - distort(points), axis=1)
    assert error.mean() < 0.15


def test_refinement_stays_affine_where_the_data_are():
    fit, _, _ = refine(_tree(), _tree(shift=(0.6, 0.3)), lambda xy: xy)
    assert len(fit.coefficients) == 3
    moved = fit(np.array([[150.0, 150.0]])) - 150
    np.testing.assert_allclose(moved, [[0.6, 0.3]], atol=0.1)


def test_refinement_of_empty_maps_finds_nothing():
    empty = np.zeros((200, 200), np.float32)
    assert refine(empty, empty, lambda xy: xy)[0] is None


def test_rescaling_a_map_means_the_same_map():
    source = RNG.uniform(0, 300, (30, 2))
    target = source * 1.1 + 5 + (source / 100) ** 2
    small = fit_polynomial(source * 0.5 - 0.25, target * 0.25 - 0.375, 2)
    np.testing.assert_allclose(
        small.rescaled(0.5, 0.25)(source), target, atol=1e-6
    )


# Fields of view


def _disc(shape, radius, centre=(160, 140)):
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 < radius**2


def test_a_disc_is_circular_also_where_the_frame_cuts_it():
    assert is_circular(_disc((280, 320), 130))
    assert is_circular(_disc((280, 320), 158)), "cut above and below"
    notched = _disc((280, 320), 130)
    notched[100:115, 280:] = False
    assert is_circular(notched), "the notch that marks the right way up"


def test_squares_octagons_and_full_frames_are_not_circular():
    square = np.zeros((280, 320), np.uint8)
    square[20:260, 40:280] = 1
    octagon = _disc((280, 320), 10**6)
    rows, columns = np.indices(octagon.shape)
    for row, column in ((rows, columns), (rows[::-1], columns[:, ::-1])):
        octagon &= row + column > 60
        octagon &= row[::-1] + column > 60
    octagon[:5] = octagon[-5:] = octagon[:, :5] = octagon[:, -5:] = False
    for mask in (square > 0, octagon, np.ones((90, 90), bool)):
        assert not is_circular(mask)
    assert not is_circular(np.zeros((90, 90), bool))
