"""Phantom pairs: deterministic, and the truth they carry is true."""

import time

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.phantom import (
    CATEGORIES,
    PhantomPair,
    anatomy,
    findings,
    make_pair,
)

ARRAYS = ("fundus", "ffa", "matrix", "vessel_mask", "leakage_mask")


def _field(pair, shrink=0.0):
    """The FFA's field of view, from where it is not black."""
    size = len(pair.ffa)
    seen = cv2.medianBlur(pair.ffa, 5) > 3
    seen = cv2.morphologyEx(
        cv2.copyMakeBorder(
            seen.astype(np.uint8), 30, 30, 30, 30, cv2.BORDER_REPLICATE
        ),
        cv2.MORPH_CLOSE,
        np.ones((25, 25)),
    )[30:-30, 30:-30]
    margin = 2 * round(abs(shrink) * size) + 1
    change = cv2.erode if shrink > 0 else cv2.dilate
    return change(seen, np.ones((margin, margin))) > 0


def _detail(image, sigma):
    image = image.astype(np.float32)
    return image - cv2.GaussianBlur(image, (0, 0), sigma)


def _darkness(pair, matrix):
    """Detail that is dark in the fundus, brought to the FFA."""
    size = pair.ffa.shape[:2][::-1]
    green = cv2.warpAffine(
        pair.fundus[..., 1], matrix[:2], size, flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    return -_detail(green, 0.015 * size[0])


def _centre(size):
    edge = size // 5
    return (slice(edge, -edge),) * 2


def _shifted(matrix, dx, dy):
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1]], float) @ matrix


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("size", [128, 256])
def test_a_pair_is_what_it_promises(category, size):
    pair = make_pair(5, category, size)
    assert isinstance(pair, PhantomPair)
    assert pair.category == category
    assert pair.fundus.shape == (size, size, 3)
    assert pair.matrix.shape == (3, 3)
    assert pair.matrix.dtype == np.float64
    for image in (pair.ffa, pair.vessel_mask, pair.leakage_mask):
        assert image.shape == (size, size, 1)
    for image in (pair.fundus, pair.ffa, pair.vessel_mask, pair.leakage_mask):
        assert image.dtype == np.uint8
    assert pair.vessel_mask.max() == 1
    assert pair.leakage_mask.max() == (category != "normal")


def test_the_same_seed_gives_the_same_pair_and_another_another():
    first, again = (make_pair(3, "large_focal", 128) for _ in range(2))
    other = make_pair(4, "large_focal", 128)
    for name in ARRAYS:
        np.testing.assert_array_equal(
            getattr(first, name), getattr(again, name)
        )
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_one_seed_shows_one_eye_in_every_category():
    eyes = [make_pair(3, category, 128) for category in CATEGORIES]
    for eye in eyes[1:]:
        np.testing.assert_array_equal(eye.vessel_mask, eyes[0].vessel_mask)
        np.testing.assert_array_equal(eye.matrix, eyes[0].matrix)


@pytest.mark.parametrize("category", CATEGORIES[1:])
def test_one_seed_shows_one_eye_at_every_size(category):
    large, small = (make_pair(3, category, size) for size in (256, 128))
    for name in ("vessel_mask", "leakage_mask"):
        wide = cv2.dilate(getattr(large, name), np.ones((5, 5)))[::2, ::2] > 0
        assert wide[getattr(small, name)[..., 0] > 0].mean() > 0.85


def test_misalignment_moves_the_camera_not_the_eye():
    pair, plain = (make_pair(3, "large_focal", 128, m) for m in (1, 0))
    np.testing.assert_array_equal(pair.vessel_mask, plain.vessel_mask)
    both = (pair.leakage_mask & plain.leakage_mask).sum()
    assert both > 0.8 * (pair.leakage_mask | plain.leakage_mask).sum()


@pytest.mark.parametrize("seed", range(6))
def test_truth_covers_a_plausible_part_of_the_field_and_nothing_beyond(seed):
    category = CATEGORIES[1 + seed % 3]
    pair = make_pair(seed, category, 256)
    field = _field(pair)
    assert 0.04 < pair.vessel_mask[field].mean() < 0.2
    assert 0.0005 < pair.leakage_mask[field].mean() < 0.2
    outside = ~_field(pair, shrink=-0.01)
    for image in (pair.vessel_mask, pair.leakage_mask, pair.ffa):
        assert not image[outside].any()


@pytest.mark.parametrize("category", CATEGORIES[1:])
def test_leakage_is_bright_in_the_ffa_where_the_truth_says(category):
    leaking = make_pair(8, category, 256, misalignment=0)
    normal = make_pair(8, "normal", 256, misalignment=0)
    gain = leaking.ffa.astype(float) - normal.ffa
    inside = leaking.leakage_mask > 0
    near = cv2.dilate(leaking.leakage_mask, np.ones((31, 31)))[..., None] > 0
    border = near & ~inside
    assert gain[inside].mean() > 30
    # Leaks fade, but the truth still parts the brighter from the darker.
    assert (gain[inside] > np.percentile(gain[border], 90)).mean() > 0.7
    assert abs(np.median(gain[~near])) < 6


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("category", CATEGORIES[1:])
def test_the_cause_of_leakage_shows_faintly_in_the_fundus(category, seed):
    leaking = make_pair(seed, category, 256, misalignment=0)
    while leaking.leakage_hidden:
        seed += 100
        leaking = make_pair(seed, category, 256, misalignment=0)
    normal = make_pair(seed, "normal", 256, misalignment=0)
    change = np.abs(leaking.fundus.astype(float) - normal.fundus).max(-1)
    # The file's compression spreads a change over its blocks.
    change = cv2.GaussianBlur(change, (0, 0), 1)
    inside = leaking.leakage_mask[..., 0] > 0
    outside = cv2.dilate(inside.astype(np.uint8), np.ones((25, 25))) == 0
    assert (change[inside] >= 3).mean() > 0.5
    assert (change[outside] >= 3).mean() < 0.05
    # Faintly: far from the contrast it has in the angiogram.
    gain = leaking.ffa[..., 0].astype(float) - normal.ffa[..., 0]
    assert change[inside].mean() < 0.7 * gain[inside].mean()


@pytest.mark.parametrize("seed", range(4))
def test_vessels_are_dark_in_the_fundus_and_bright_in_the_ffa(seed):
    pair = make_pair(seed, "normal", 512)
    vessel = cv2.erode(pair.vessel_mask, np.ones((3, 3))) > 0
    around = cv2.dilate(pair.vessel_mask, np.ones((9, 9))) > 0
    around &= pair.vessel_mask[..., 0] == 0
    centre = _centre(512)
    vessel, around = vessel[centre], around[centre]
    ffa = pair.ffa[..., 0][centre].astype(float)
    darkness = _darkness(pair, pair.matrix)[centre]
    assert ffa[vessel].mean() > ffa[around].mean() + 15
    assert darkness[vessel].mean() > darkness[around].mean() + 8


@pytest.mark.parametrize("seed", range(4))
def test_the_matrix_aligns_the_fundus_to_within_half_a_pixel(seed):
    pair = make_pair(seed, "normal", 512)
    centre = _centre(512)
    truth = cv2.GaussianBlur(pair.vessel_mask * np.float32(1), (0, 0), 1)

    def agreement(dx, dy):
        darkness = _darkness(pair, _shifted(pair.matrix, dx, dy))
        return np.corrcoef(darkness[centre].ravel(), truth[centre].ravel())[
            0, 1
        ]

    right = agreement(0, 0)
    assert right > 0.5
    for dx, dy in ((6, 0), (-6, 0), (0, 6), (0, -6)):
        assert agreement(dx, dy) < 0.5 * right
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert agreement(dx, dy) < right


def test_any_affine_matrix_may_be_asked_for():
    size = 256
    turn = cv2.getRotationMatrix2D((140, 110), 30, 1.25)
    matrix = _shifted(np.vstack([turn, [0, 0, 1]]), 30, -20)
    pair = make_pair(7, "normal", size, matrix=matrix)
    plain = make_pair(7, "normal", size, misalignment=0)
    np.testing.assert_array_equal(pair.matrix, matrix)
    np.testing.assert_array_equal(pair.vessel_mask, plain.vessel_mask)

    centre, truth = _centre(size), pair.vessel_mask[..., 0] > 0
    seen = cv2.warpAffine(np.ones((size, size)), matrix[:2], (size, size)) > 0.9
    for way, sign in ((matrix, 1), (plain.matrix, -1)):
        darkness = _darkness(pair, way)[centre][seen[centre]]
        on_vessels = truth[centre][seen[centre]]
        agreement = np.corrcoef(darkness, on_vessels)[0, 1]
        assert sign * agreement > sign * 0.3


def test_a_large_warp_shows_no_edge_of_the_phantom():
    for angle in (-30, 30):
        turn = cv2.getRotationMatrix2D((63.5, 63.5), angle, 1.25)
        matrix = _shifted(np.vstack([turn, [0, 0, 1]]), 22, 22)
        pair = make_pair(1, "normal", 128, matrix=matrix)
        inside = _field(pair, shrink=0.02)
        assert pair.fundus[inside].max(axis=-1).min() > 40


def test_without_misalignment_the_matrix_is_the_identity():
    pair = make_pair(6, "normal", 128, misalignment=0)
    np.testing.assert_allclose(pair.matrix, np.eye(3), atol=1e-9)


@pytest.mark.parametrize("amount", [0.5, 1, 2])
def test_misalignment_stays_within_its_bounds(amount):
    size = 96
    for seed in range(5):
        matrix = make_pair(seed, "normal", size, misalignment=amount).matrix
        zoom = np.sqrt(np.linalg.det(matrix[:2, :2]))
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        centre = np.array([(size - 1) / 2] * 2 + [1])
        shift = (matrix @ centre - centre)[:2]
        assert abs(zoom - 1) <= 0.05 * amount
        assert abs(angle) <= 6 * amount
        assert np.abs(shift).max() <= 0.07 * amount * size


def test_fields_are_whole_frames_discs_and_cut_discs():
    shares = [_field(make_pair(s, "normal", 64)).mean() for s in range(30)]
    whole = sum(share > 0.98 for share in shares)
    discs = sum(0.66 < share < 0.78 for share in shares)
    assert 1 <= whole <= 15
    assert discs > 10


def test_photographs_differ_in_light_and_colour_as_cameras_do():
    pairs = [make_pair(seed, "normal", 96) for seed in range(30)]
    middles = np.array(
        [np.median(p.fundus[_field(p, 0.03)], axis=0) for p in pairs]
    )
    assert 20 < middles[:, 0].std() < 70
    coloured = middles[:, 0] > 1.15 * middles[:, 1]
    assert coloured.sum() >= 24
    assert np.std(middles[coloured, 0] / middles[coloured, 1]) > 0.15


@pytest.mark.parametrize("seed", [33, 68, 69, 113])
def test_no_photograph_is_lit_to_white(seed):
    pair = make_pair(seed, "normal", 96, misalignment=0)
    assert np.mean(pair.fundus.min(axis=2) >= 250) < 0.002


def test_vessels_shine_most_soon_after_the_injection():
    gains = []
    for phase in ("arteriovenous", "recirculation", "late"):
        gain = []
        for seed in range(3):
            pair = make_pair(seed, "normal", 256, phase=phase)
            vessel = pair.vessel_mask[..., 0] > 0
            near = cv2.dilate(pair.vessel_mask, np.ones((9, 9))) > 0
            ffa = pair.ffa[..., 0].astype(float)
            around = np.median(ffa[near & ~vessel])
            gain.append(np.median(ffa[vessel]) / around)
        gains.append(np.mean(gain))
    assert gains[0] > gains[1] + 0.1 > gains[2] + 0.2
    assert gains[2] > 1


def test_the_phase_changes_neither_the_photograph_nor_the_truth():
    early, late = (
        make_pair(2, "large_focal", 128, phase=phase)
        for phase in ("arteriovenous", "late")
    )
    for name in ("fundus", "vessel_mask", "leakage_mask"):
        np.testing.assert_array_equal(getattr(early, name), getattr(late, name))
    assert not np.array_equal(early.ffa, late.ffa)


def test_an_unknown_phase_is_refused_by_name():
    with pytest.raises(InputError, match="'venous': there are arteriovenous"):
        make_pair(0, "normal", 128, phase="venous")


def test_some_leakage_leaves_no_trace_in_the_photograph_and_says_so():
    hidden = [
        seed
        for seed in range(30)
        if make_pair(seed, "large_focal", 64).leakage_hidden
    ]
    assert 1 <= len(hidden) <= 10
    assert not make_pair(hidden[0], "normal", 64).leakage_hidden
    leaking, normal = (
        make_pair(hidden[0], category, 128)
        for category in ("large_focal", "normal")
    )
    np.testing.assert_array_equal(leaking.fundus, normal.fundus)
    assert leaking.leakage_mask.any()
    assert not np.array_equal(leaking.ffa, normal.ffa)


def test_what_does_not_leak_shows_in_some_normal_eyes():
    """Bright and dark spots of photographs are not leaks as a rule."""
    rng = np.random.default_rng(0)
    eye = anatomy.grow(rng)
    seen = {"pale": 0, "sheen": 0, "pigment": 0, "blood": 0, "staining": 0}
    for seed in range(40):
        found = findings.find(np.random.default_rng(seed), eye, 96, 96)
        for name in seen:
            field = getattr(found, name)
            assert field.dtype == np.float32
            assert field.min() >= 0
            seen[name] += field.max() > 0.1
    for name, count in seen.items():
        assert 4 <= count <= 36, name


def test_an_unknown_category_is_refused_by_name():
    with pytest.raises(InputError, match="'abnormal': phantoms are of normal"):
        make_pair(0, "abnormal", 128)


def test_a_full_size_pair_is_quick():
    """Half a second on one quiet core; the bound allows for a busy one."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        started = time.process_time()
        pair = make_pair(0, "large_focal")
        assert time.process_time() - started < 1.5
    finally:
        cv2.setNumThreads(threads)
    assert pair.fundus.shape == (768, 768, 3)
