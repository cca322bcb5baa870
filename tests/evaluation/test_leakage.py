"""Leakage: what is there is found, at any size and exposure."""

import cv2
import numpy as np
import pytest

from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.broad_leaks import broad_leaks
from ffa_keras.evaluation.measures.disc import locate_disc
from ffa_keras.evaluation.measures.dots import find_dots
from ffa_keras.evaluation.measures.leakage import (
    LEAKAGE,
    find_leaks,
    leaking_regions,
    true_leaks,
)
from ffa_keras.evaluation.measures.matching import (
    froc,
    match_dots,
    meetings,
)
from ffa_keras.evaluation.measures.overlap import dice

SIZE = 400
DISC = (300.0, 190.0)


def _inside(size=SIZE):
    rows, columns = np.ogrid[:size, :size]
    middle = (size - 1) / 2
    return (rows - middle) ** 2 + (columns - middle) ** 2 < (0.48 * size) ** 2


def _eye(leaks=(), dots=(), disc=0.0, seed=0):
    """Draw retina, vessels that meet in the disc, and leaks (x, y, r)."""
    rng = np.random.default_rng(seed)
    image = np.full((SIZE, SIZE), 80.0)
    for angle in np.linspace(0, 2 * np.pi, 9)[:-1]:
        steps = np.linspace(20, 320, 40)
        bend = angle + 0.25 * np.sin(steps / 60)
        path = np.stack(
            [DISC[0] + steps * np.cos(bend), DISC[1] + steps * np.sin(bend)], 1
        )
        cv2.polylines(
            image,
            [np.rint(path).astype(np.int32)],
            False,
            150.0,
            4,
            cv2.LINE_AA,
        )
    truth = np.zeros((SIZE, SIZE), bool)
    rows, columns = np.ogrid[:SIZE, :SIZE]
    for x, y, radius in leaks:
        spot = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        image[spot] = np.maximum(image[spot], 160)
        truth |= spot
    for x, y in dots:
        spot = (columns - x) ** 2 + (rows - y) ** 2 <= 2**2
        image[spot] = 220
        truth |= spot
    glow = (columns - DISC[0]) ** 2 + (rows - DISC[1]) ** 2 <= 18**2
    image[glow] += disc
    image = cv2.GaussianBlur(image, (0, 0), 1) + rng.normal(0, 2, image.shape)
    image = np.where(_inside(), image, 0)
    return np.clip(image, 0, 255).astype(np.uint8)[..., None], truth


LEAKS = ((120, 150, 30), (170, 290, 14))
DOTS = tuple((90 + 25 * i, 230 + 9 * (i % 3)) for i in range(6))


def _changed(image, scale, gain):
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=method)
    return np.clip(np.rint(resized * gain), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [0.5, 1, 2])
@pytest.mark.parametrize("gain", [0.4, 1, 1.4])
def test_neither_pixels_nor_exposure_change_the_regions(scale, gain):
    image, truth = _eye(LEAKS)
    frame = _changed(image, scale, gain)
    inside = _changed(_inside().astype(np.uint8), scale, 1) > 0
    found = broad_leaks(frame, inside)
    assert len(found.contrast) == 2
    expected = _changed(truth.astype(np.uint8), scale, 1) > 0
    assert dice(found.labels > 0, expected) > 0.85
    point = locate_disc(frame, inside)
    assert np.hypot(*(point / scale - DISC)) < 0.05 * SIZE


@pytest.mark.parametrize("gain", [0.5, 1, 1.2])
def test_dots_are_found_and_vessels_are_none(gain):
    image, _ = _eye(dots=DOTS)
    found = find_dots(_changed(image, 1, gain), _inside())
    expected = np.array([(x, y, 1.0) for x, y in DOTS])
    matched, false, _ = match_dots(expected, found, 5)
    assert matched.sum() == len(DOTS)
    assert false.sum() <= 1
    assert (np.diff(found[:, 2]) <= 0).all()


@pytest.mark.parametrize("scale", [0.8, 1, 1.3])
def test_a_dot_is_as_clear_wherever_it_lies_between_pixels(scale):
    size = round(SIZE * scale)
    rows, columns = np.mgrid[:size, :size] / scale
    places = [
        (140 + 40 * i + 0.2 * i, 140 + 40 * j + 0.3 * j)
        for i in range(4)
        for j in range(4)
    ]
    image = np.full((size, size), 80.0)
    for x, y in places:
        off = (columns - x) ** 2 + (rows - y) ** 2
        image += 120 * np.exp(-off / (2 * 1.6**2))
    frame = np.rint(image).astype(np.uint8)
    found = find_dots(np.where(_inside(size), frame, 0), _inside(size))
    assert len(found) == len(places)
    off = np.linalg.norm(
        found[:, None, :2] / scale - np.array(places), axis=2
    ).min(1)
    assert off.max() < 0.25
    assert np.ptp(found[:, 2]) < 0.02 * found[:, 2].mean()


def test_a_healthy_eye_has_neither():
    image, _ = _eye()
    leaks = find_leaks(image, _inside())
    assert len(leaks.contrast) == 0 and len(leaks.dots) <= 1


@pytest.mark.parametrize(
    "inside",
    [np.zeros((SIZE, SIZE), bool), np.eye(SIZE, dtype=bool)],
    ids=["none", "line"],
)
def test_without_a_field_of_view_nothing_is_found(inside):
    leaks = find_leaks(_eye(LEAKS)[0], inside)
    assert not leaks.labels.any() and not len(leaks.dots)
    assert locate_disc(np.zeros((9, 9), np.uint8), inside[:9, :9]) is None


def test_flat_and_black_frames_hold_nothing():
    for level in (0, 90, 255):
        frame = np.full((SIZE, SIZE), level, np.uint8)
        leaks = find_leaks(frame, _inside())
        assert not leaks.labels.any() and not len(leaks.dots)
        assert locate_disc(frame, _inside()) is None


def _scores(real, fake, truth=None):
    fundus = np.zeros((SIZE, SIZE, 3), np.uint8)
    known = None if truth is None else truth[..., None]
    return LEAKAGE.of(Eye(fundus, real, _inside()[..., None], known))(fake)


@pytest.mark.parametrize("with_truth", [True, False])
def test_a_perfect_prediction_finds_all_and_invents_nothing(with_truth):
    real, truth = _eye(LEAKS, DOTS, disc=90)
    scores = _scores(real, real, truth if with_truth else None)
    assert scores["leak_dice"] > (0.85 if with_truth else 0.999)
    for name in ("leak_found_large", "leak_found_small", "disc_found"):
        assert scores[name] == 1
    assert scores["dots_found"] > 0.8
    for name in ("leak_invented", "leak_invented_area", "dots_invented"):
        assert scores[name] == 0
    assert np.isnan(scores["disc_invented"])


@pytest.mark.parametrize("with_truth", [True, False])
def test_missed_and_invented_leaks_are_counted(with_truth):
    real, truth = _eye(LEAKS, DOTS)
    fake, _ = _eye([LEAKS[0], (230, 80, 20)], [(200, 340)], disc=90)
    scores = _scores(real, fake, truth if with_truth else None)
    assert scores["leak_found_large"] == 1
    assert scores["leak_found_small"] == 0
    assert scores["leak_invented"] == 1
    area = 100 * np.pi * 20**2 / _inside().sum()
    assert scores["leak_invented_area"] == pytest.approx(area, rel=0.25)
    assert 0.4 < scores["leak_dice"] < 0.8
    assert scores["disc_invented"] == 1 and np.isnan(scores["disc_found"])
    assert scores["dots_found"] == 0
    assert scores["dots_invented"] == 1


def test_invention_on_a_healthy_eye_counts():
    real, truth = _eye()
    fake, _ = _eye(LEAKS[:1])
    scores = _scores(real, fake, truth)
    assert scores["leak_dice"] == 0
    assert scores["leak_invented"] == 1
    assert np.isnan(scores["leak_found_large"])
    assert np.isnan(_scores(real, real, truth)["leak_dice"])


def _strip(length):
    """Leaks that run from the disc into the retina, one beside the other."""
    return [(DISC[0] - x, DISC[1], 22) for x in range(0, length + 1, 11)]


def test_a_leak_is_not_the_discs_because_it_touches_it():
    real, truth = _eye()
    long, area = _eye(_strip(187))
    scores = _scores(real, long, truth)
    assert scores["leak_invented"] == 1 and scores["disc_invented"] == 1
    beyond = 100 * area.sum() / _inside().sum()
    assert 0.5 * beyond < scores["leak_invented_area"] < beyond
    # As large as a disc that leaks, and so the disc's.
    scores = _scores(real, _eye(_strip(22))[0], truth)
    assert scores["leak_invented"] == 0 and scores["disc_invented"] == 1
    assert scores["leak_invented_area"] < 0.3
    # A true one is there to be found, and to be missed.
    assert _scores(long, long, area)["leak_found_large"] == 1
    assert _scores(long, real, area)["leak_found_large"] == 0


def test_a_glow_far_wider_than_the_leak_is_told():
    real, truth = _eye([(120, 200, 14)])
    fake, _ = _eye([(120, 200, 60)])
    scores = _scores(real, fake, truth)
    # The leak is found, and a glow invented around it.
    assert scores["leak_found_small"] == 1 and scores["leak_invented"] == 1
    area = 100 * np.pi * (60**2 - 14**2) / _inside().sum()
    assert scores["leak_invented_area"] == pytest.approx(area, rel=0.25)


def test_a_glow_that_swallows_what_is_shown_is_invented():
    """Though what the real FFA shows itself, leak or not, is not."""
    real, _ = _eye([(120, 200, 12)])
    healthy = np.zeros((SIZE, SIZE), bool)
    assert _scores(real, real, healthy)["leak_invented"] == 0
    fake, _ = _eye([(120, 200, 60)])
    assert _scores(real, fake, healthy)["leak_invented"] == 1
    slightly_wider, _ = _eye([(120, 200, 20)])
    assert _scores(real, slightly_wider, healthy)["leak_invented"] == 0


def test_true_leaks_are_regions_and_dots_by_their_size():
    _, truth = _eye(LEAKS, DOTS)
    leaks = true_leaks(truth, _inside())
    assert len(leaks.contrast) == 2
    np.testing.assert_allclose(
        leaks.dots[np.argsort(leaks.dots[:, 0]), :2], DOTS, atol=0.5
    )
    fundus = np.zeros((SIZE, SIZE, 3), np.uint8)
    eye = Eye(fundus, _eye()[0], _inside()[..., None], truth[..., None])
    assert (leaking_regions(eye) == truth).all()


def test_no_dot_is_found_twice():
    expected = np.array([[10.0, 10, 1], [40, 40, 1]])
    found = np.array([[11.0, 10, 3], [10, 11, 2], [80, 80, 1]])
    matched, false, _ = match_dots(expected, found, 3)
    assert matched.tolist() == [True, False, False]
    assert false.tolist() == [False, False, True]


def test_a_leak_is_first_met_by_its_clearest_finding():
    true, found = np.zeros((2, 40, 40), int)
    true[5:15, 5:15], true[25:35, 5:35] = 1, 2
    found[25:35, 5:10], found[5:15, 5:15], found[25:35, 20:30] = 1, 2, 3
    assert meetings(found, true) == [(1, 2), (2, 1), (3, 2)]
    assert meetings(true, found) == [(1, 2), (2, 1), (2, 3)]


def test_froc_is_read_off_at_the_numbers_of_invented_findings():
    scores = np.array([5.0, 4, 3, 2, 1])
    true = np.array([True, False, True, False, True])
    images = [(scores, true, ~true, 4), (scores[:0], true[:0], true[:0], 1)]
    # Two images: 0.5 invented an image is one in all.
    assert froc(images, (0, 0.5, 1)) == pytest.approx([1 / 5, 2 / 5, 3 / 5])
    assert np.isnan(froc([(scores[:0], true[:0], true[:0], 0)], [1])[0])
