"""Patches: where they lie, what they hold, how they flip."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ffa_keras.data.patches import (
    PatchSampling,
    cut_patches,
    flip_at_random,
    patch_corners,
)

SEED = tf.constant([3, 4])


def _corners(mask, sampling, seed=SEED):
    return patch_corners(tf.constant(mask), sampling, seed).numpy().tolist()


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


@settings(deadline=None, max_examples=40)
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
    patches = cut_patches(
        {k: tf.constant(v) for k, v in pair.items()},
        tf.constant([[0, 0], [16, 20]]),
        PatchSampling(24, 24),
    )
    for name in ("fundus", "ffa"):
        cut = patches[name].numpy()
        np.testing.assert_array_equal(cut[0, :, 10:], pair[name][:24, 10:24])
        assert not cut[0, :, :10].any()
        np.testing.assert_array_equal(cut[1], pair[name][16:40, 20:44])


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
