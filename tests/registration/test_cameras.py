"""Pairs whose cameras differ: in field, in frame, in what they still show."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.phantom import make_pair
from ffa_keras.registration import (
    judge_matrix,
    register_pair,
    register_through,
)
from ffa_keras.registration.quality import Quality, evidence, why_refused
from ffa_keras.registration.transform import (
    apply_matrix,
    pixel_grid,
    warp_to_ffa,
)

SIZE = 512


@pytest.fixture(scope="module")
def pair():
    return make_pair(11, "large_focal", SIZE)


def _magnified(image, zoom):
    """An image magnified about its middle, and the matrix onto it."""
    matrix = np.diag([zoom, zoom, 1.0])
    matrix[:2, 2] = (1 - zoom) * (SIZE - 1) / 2
    return warp_to_ffa(image, matrix, (SIZE, SIZE))[0], matrix


def _error(result, truth, fundus_shape):
    """Mean error where both images show the retina, pixels of the FFA."""
    xy = pixel_grid(fundus_shape)[::16, ::16].reshape(-1, 2)
    goal = apply_matrix(truth, xy)
    shown = ((goal >= 0) & (goal < result.shape[::-1])).all(1)
    off = apply_matrix(result.matrix, xy[shown]) - goal[shown]
    return np.linalg.norm(off, axis=1).mean()


@pytest.mark.parametrize("zoom", [0.45, 2.2])
def test_a_photograph_of_another_field_is_registered(pair, zoom):
    fundus, onto = _magnified(pair.fundus, zoom)
    result = register_pair(fundus, pair.ffa)
    assert result.accepted, result.reason
    truth = pair.matrix @ np.linalg.inv(onto)
    assert _error(result, truth, fundus.shape[:2]) < 1.5 / min(zoom, 1)
    # At one scale of the vessels, so that the limits mean the same.
    assert 0.8 < min(result.quality.singular_values)
    assert max(result.quality.singular_values) < 1.25


def test_a_photograph_both_turned_and_magnified_is_registered(pair):
    onto = np.eye(3)
    onto[:2] = cv2.getRotationMatrix2D(((SIZE - 1) / 2,) * 2, 35, 2)
    fundus, _ = warp_to_ffa(pair.fundus, onto, (SIZE, SIZE))
    result = register_pair(fundus, pair.ffa)
    assert result.accepted, result.reason
    truth = pair.matrix @ np.linalg.inv(onto)
    assert _error(result, truth, fundus.shape[:2]) < 1.5


def test_a_corner_of_a_photograph_is_registered(pair):
    top, left = 0, SIZE - 300
    fundus = np.ascontiguousarray(pair.fundus[top : top + 300, left:])
    truth = pair.matrix.copy()
    truth[:2, 2] += pair.matrix[:2, :2] @ [left, top]
    result = register_pair(fundus, pair.ffa)
    assert result.accepted, result.reason
    assert _error(result, truth, (300, 300)) < 1.5


def test_a_field_at_the_limit_of_stretch_is_brought_to_one_scale(pair):
    fundus, onto = _magnified(pair.fundus, 1.25)
    # A camera's pixels need not be square.
    fundus = cv2.resize(fundus, (round(SIZE * 1.08), SIZE))
    result = register_pair(fundus, pair.ffa)
    assert result.accepted, result.reason
    truth = pair.matrix @ np.linalg.inv(np.diag([1.08, 1, 1]) @ onto)
    assert _error(result, truth, fundus.shape[:2]) < 1.5
    # So is it where the matrix is given, which is then judged alike.
    known = judge_matrix(fundus, pair.ffa, truth)
    assert known.accepted, known.reason


# A refusal tries everything first.
@pytest.mark.parametrize(
    "zoom", [pytest.param(0.45, marks=pytest.mark.slow), 2.2]
)
def test_another_eye_of_another_field_is_refused(pair, zoom):
    other = make_pair(12, "large_focal", SIZE)
    fundus, _ = _magnified(other.fundus, zoom)
    assert not register_pair(fundus, pair.ffa).accepted


def test_evidence_is_the_product_of_figures_over_their_limits():
    figures = Quality(100, 30, (1.0, 1.0), 0.2, 0.36, 48)
    assert evidence(figures) == pytest.approx(0.8 * 1.2 * 0.8 * 1.5)
    assert evidence(figures, 0) == pytest.approx(0.8 * 1.2 * 0.8)
    # None counts for more than twice its limit, nor below half of it.
    assert evidence(Quality(900, 900, (1.0, 1.0), 0.9, 0.9, 900)) == 16
    assert evidence(Quality(900, 900, (1.0, 1.0), 0.9, 0.9, 29)) == 0


def test_what_one_figure_lacks_the_others_must_make_up_for():
    right = Quality(100, 85, (1.0, 1.0), 0.6, 0.72, 53)
    assert not why_refused(right)
    few = Quality(60, 39, (1.0, 1.0), 0.6, 0.72, 49)
    assert "blocks" in why_refused(few)


def test_twice_the_keypoints_need_half_the_blocks():
    right = Quality(60, 40, (1.0, 1.0), 0.4, 0.4, 31)
    assert not why_refused(right)
    assert "blocks" in why_refused(dataclasses.replace(right, num_inliers=39))
    assert "blocks" in why_refused(dataclasses.replace(right, num_blocks=29))
    # Where there are no keypoints to ask, none are many.
    assert "blocks" in why_refused(right, least_inliers=0)


def test_wrong_pairs_lack_more_than_others_make_up_for():
    # The highest figures of wrong pairs, all of them at once.
    wrong = Quality(43, 19, (1.0, 1.0), 0.26, 0.27, 35)
    assert "keypoints" in why_refused(wrong)
    assert evidence(wrong) < 0.6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_inliers", 19),
        ("vessel_ncc", 0.12),
        ("vessel_ncc", float("nan")),
        ("centreline_fraction", 0.14),
        ("num_blocks", 29),
        ("singular_values", (1.4, 1.0)),
        ("num_matches", 1000),
    ],
)
def test_what_nothing_makes_up_for(name, value):
    figures = {
        "num_matches": 60,
        "num_inliers": 50,
        "singular_values": (1.0, 1.0),
        "vessel_ncc": 0.9,
        "centreline_fraction": 0.9,
        "num_blocks": 400,
    }
    assert not why_refused(Quality(**figures))
    assert why_refused(Quality(**(figures | {name: value})))


def _late(ffa):
    """A late frame: its vessels gone but for noise, turned a little."""
    grey = ffa[..., 0].astype(np.float32)
    flat = cv2.GaussianBlur(grey, (0, 0), 6)
    faded = flat + 0.45 * (cv2.GaussianBlur(grey, (0, 0), 1.5) - flat)
    noise = np.random.default_rng(0).normal(0, 3, faded.shape)
    onto = np.eye(3)
    onto[:2] = cv2.getRotationMatrix2D((256, 256), 3, 1)
    onto[:2, 2] += [12, -7]
    late = np.rint((faded + noise).clip(0, 255)).astype(np.uint8)
    return warp_to_ffa(late, onto, (SIZE, SIZE))[0][..., None], onto


def test_the_early_frame_leads_to_the_late_one(pair, monkeypatch):
    late, onto = _late(pair.ffa)
    real = register_pair

    def direct_fails(fundus, ffa, *more):
        result = real(fundus, ffa, *more)
        if ffa is late:
            result = real(np.zeros_like(fundus), ffa)
        return result

    monkeypatch.setattr(
        "ffa_keras.registration.through.register_pair", direct_fails
    )
    result = register_through(pair.fundus, pair.ffa, late)
    assert result.accepted, result.reason
    assert _error(result, onto @ pair.matrix, (SIZE, SIZE)) < 1.5


@pytest.mark.slow
def test_no_early_frame_leads_to_another_eye(pair):
    late, _ = _late(pair.ffa)
    other = make_pair(12, "large_focal", SIZE)
    result = register_through(other.fundus, pair.ffa, late)
    assert not result.accepted
    assert "photograph and early FFA" in result.reason


@pytest.mark.slow
@pytest.mark.real_data
def test_a_real_photograph_of_half_the_field_is_registered(real_photographs):
    folder = real_photographs / "pairs_landmarked"
    fundus, ffa = (
        read(folder / f"24_{name}.png")
        for name, read in (("fundus", read_fundus), ("ffa", read_ffa))
    )
    marks = json.loads((folder / "24_landmarks.json").read_text())
    height, width = fundus.shape[:2]
    onto = np.array([[2.0, 0, -width / 2], [0, 2, -height / 2], [0, 0, 1]])
    narrow, _ = warp_to_ffa(fundus, onto, (height, width))
    result = register_pair(narrow, ffa)
    assert result.accepted, result.reason
    places = np.array(marks["fundus_xy"], float)
    seen = apply_matrix(onto, places)
    shown = ((seen > 0) & (seen < [width, height])).all(1)
    off = apply_matrix(result.matrix, seen) - np.array(marks["ffa_xy"])
    assert np.linalg.norm(off[shown], axis=1).mean() < 5


@pytest.mark.slow
@pytest.mark.real_data
def test_a_real_late_frame_is_reached_by_its_early_one(real_photographs):
    folder = real_photographs / "triplets_uwf"
    fundus = read_fundus(folder / "1_fundus.png")
    early, late = (
        read_ffa(folder / f"1_ffa_{phase}.png") for phase in ("early", "late")
    )
    assert not register_pair(fundus, late).accepted
    assert register_through(fundus, early, late).accepted
    other = read_fundus(folder / "2_fundus.png")
    assert not register_through(other, early, late).accepted
