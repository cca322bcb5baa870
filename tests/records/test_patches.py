"""Patches: where they lie, what they hold, how they flip."""

import cv2
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from ffa_keras.records.patches import (
    PatchSampling,
    allowed_places,
    circle,
    cut_patch,
    flip_at_random,
    mask_patch,
    patch_corners,
    turn_at_random,
    vary_light,
)

SEED = tf.constant([3, 4])


def _corners(mask, sampling, seed=SEED):
    allowed = allowed_places(tf.constant(mask), sampling)
    return patch_corners(allowed, sampling, seed).numpy().tolist()


def _full(height, width):
    return np.full((height, width, 1), 255, np.uint8)


def test_the_paper_grid_of_hra_is_three_by_three():
    grid = PatchSampling(512, 512, stride=128)
    steps = (0, 128, 256)
    expected = [[y, x] for y in steps for x in steps]
    assert _corners(_full(768, 768), grid) == expected


def test_the_paper_grid_of_isfahan_overlaps_by_half():
    grid = PatchSampling(288, 360, stride=144)
    corners = _corners(_full(576, 720), grid)
    assert {y for y, _ in corners} == {0, 144, 288}
    assert {x for _, x in corners} == {0, 144, 288, 360}


@settings(max_examples=40)
@given(st.integers(24, 70), st.integers(24, 70), st.integers(1, 24))
def test_the_grid_covers_every_pixel_and_stays_inside(height, width, stride):
    covered = np.zeros((height, width), bool)
    grid = PatchSampling(24, 24, stride=stride)
    for y, x in _corners(_full(height, width), grid):
        assert 0 <= y <= height - 24 and 0 <= x <= width - 24
        covered[y : y + 24, x : x + 24] = True
    assert covered.all()


@pytest.mark.parametrize("stride", [8, None])
def test_patches_lie_inside_the_valid_mask(stride):
    mask = np.zeros((64, 80, 1), np.uint8)
    mask[10:50, 20:70] = 255
    sampling = PatchSampling(
        24, 24, stride=stride, crops_per_pair=50, min_valid=0.9
    )
    corners = _corners(mask, sampling)
    assert corners
    for y, x in corners:
        assert (mask[y : y + 24, x : x + 24] > 0).mean() >= 0.9


def test_grid_keeps_every_position_valid_enough():
    mask = _full(48, 48)
    mask[:24, :24] = 0
    mask[0, 0] = 255
    kept = _corners(mask, PatchSampling(24, 24, stride=24, min_valid=1.0))
    assert kept == [[0, 24], [24, 0], [24, 24]]


@pytest.mark.parametrize("stride", [8, None])
def test_a_pair_without_overlap_has_no_patches(stride):
    sampling = PatchSampling(24, 24, stride=stride, crops_per_pair=4)
    assert _corners(np.zeros((48, 48, 1), np.uint8), sampling) == []


def test_random_crops_follow_the_seed():
    crops = PatchSampling(24, 24, crops_per_pair=6)
    first = _corners(_full(60, 60), crops)
    assert first == _corners(_full(60, 60), crops)
    assert first != _corners(_full(60, 60), crops, tf.constant([3, 5]))
    assert len(first) == 6


def test_patches_are_the_pixels_of_both_images_black_outside_the_mask():
    rng = np.random.default_rng(0)
    pair = {
        "fundus": rng.integers(1, 256, (40, 50, 3), np.uint8),
        "ffa": rng.integers(1, 256, (40, 50, 1), np.uint8),
        "valid_mask": _full(40, 50),
    }
    pair["valid_mask"][:, :10] = 0
    for (y, x), black in (((0, 0), 10), ((16, 20), 0)):
        sampling = PatchSampling(24, 24)
        patch = cut_patch(
            {k: tf.constant(v) for k, v in pair.items()},
            tf.constant([y, x]),
            sampling,
        )
        patch = mask_patch(patch, tf.constant(True), sampling)
        for name in ("fundus", "ffa"):
            cut = patch[name].numpy()
            want = pair[name][y : y + 24, x : x + 24]
            np.testing.assert_array_equal(cut[:, black:], want[:, black:])
            assert not cut[:, :black].any()


def test_every_allowed_place_is_drawn_equally_often():
    allowed = np.zeros((5, 7), bool)
    allowed[1, 2:5] = allowed[4, [0, 6]] = True
    crops = PatchSampling(24, 24, crops_per_pair=5000)
    drawn = patch_corners(tf.constant(allowed), crops, SEED).numpy()
    places, count = np.unique(drawn, axis=0, return_counts=True)
    assert places.tolist() == np.argwhere(allowed).tolist()
    # Five standard deviations of a binomial count.
    assert np.abs(count - 1000).max() < 5 * np.sqrt(1000 * 0.8)


def _grey_patch(height, width):
    return {
        "fundus": tf.fill((height, width, 3), np.uint8(200)),
        "ffa": tf.fill((height, width, 1), np.uint8(90)),
        "valid_mask": tf.fill((height, width, 1), np.uint8(255)),
    }


@pytest.mark.parametrize(
    ("mode", "circular", "masked"),
    [
        ("never", True, False),
        ("auto", False, False),
        ("auto", True, True),
        ("always", False, True),
    ],
)
def test_the_circle_of_the_paper_has_the_width_of_the_patch(
    mode, circular, masked
):
    sampling = PatchSampling(288, 360, circular_mask=mode)
    patch = mask_patch(_grey_patch(288, 360), tf.constant(circular), sampling)
    rows, columns = np.indices((288, 360))
    radius = np.hypot(rows - 143.5, columns - 179.5)
    inside = (radius <= 180) if masked else np.ones((288, 360), bool)
    for name, level in (("fundus", 200), ("ffa", 90)):
        want = np.where(inside[..., None], level, 0)
        np.testing.assert_array_equal(
            patch[name].numpy(), np.broadcast_to(want, patch[name].shape)
        )


def test_the_circle_of_a_square_patch_covers_pi_quarters():
    assert circle(512, 512).mean() == pytest.approx(np.pi / 4, abs=0.002)


def test_fundus_and_ffa_turn_alike_as_opencv_turns():
    rng = np.random.default_rng(1)
    image = cv2.GaussianBlur(rng.normal(size=(60, 80)), (0, 0), 3)
    image = (128 + 300 * image).clip(0, 255).astype(np.uint8)[..., None]
    patch = {"fundus": tf.constant(image), "ffa": tf.constant(image)}
    angles = set()
    for number in range(12):
        seed = tf.constant([0, number])
        turned = turn_at_random(patch, 20, seed)
        np.testing.assert_array_equal(turned["fundus"], turned["ffa"])
        limit = 20 * np.pi / 180
        angle = float(tf.random.stateless_uniform([], seed, -limit, limit))
        matrix = cv2.getRotationMatrix2D((39.5, 29.5), -np.degrees(angle), 1)
        want = cv2.warpAffine(image, matrix, (80, 60))
        off = np.abs(turned["ffa"].numpy()[..., 0].astype(int) - want)
        assert np.median(off) <= 1
        assert (off <= 4).mean() > 0.97
        angles.add(round(angle, 3))
    assert len(angles) == 12
    assert max(map(abs, angles)) <= limit


def test_light_varies_a_little_and_black_stays_black():
    ramp = np.arange(256, dtype=np.float32).repeat(3).reshape(16, 16, 3)
    seen = []
    for number in range(30):
        lit = vary_light(tf.constant(ramp), 0.1, tf.constant([0, number]))
        lit = lit.numpy()
        assert not lit[0, 0].any() and 0 <= lit.min() <= lit.max() <= 255
        assert (np.diff(lit.reshape(256, 3), axis=0) >= 0).all()
        assert np.abs(lit - ramp).max() < 60
        seen.append(lit[8, 0, 1])
    assert np.std(seen) > 2
    same = vary_light(tf.constant(ramp), 0.0, SEED).numpy()
    np.testing.assert_allclose(same, ramp, atol=1e-3)


def test_fundus_and_ffa_flip_alike_in_all_four_ways():
    image = np.arange(24 * 24).reshape(24, 24, 1)
    patch = {"fundus": tf.constant(image), "ffa": tf.constant(image)}
    seen = set()
    for number in range(40):
        flipped = flip_at_random(patch, tf.constant([0, number]))
        fundus, ffa = flipped["fundus"].numpy(), flipped["ffa"].numpy()
        np.testing.assert_array_equal(fundus, ffa)
        seen.add((int(fundus[0, 0, 0]), int(fundus[-1, -1, 0])))
    corners = [0, 23, 23 * 24, 24 * 24 - 1]
    assert seen == {(c, corners[-1] - c) for c in corners}
