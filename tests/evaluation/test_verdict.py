"""A network must say whether two lines of OpenCV draw vessels as well."""

import numpy as np
import pytest

from ffa_keras.evaluation.results import ImageScores
from ffa_keras.evaluation.verdict import vessels_beside_classical


def _images(values, patients=None, trainings=1):
    return [
        ImageScores(
            f"{n:08x}",
            (patients or {}).get(n, f"patient {n}"),
            "normal",
            {"vessel_auc": value},
            by_training=tuple(
                {"vessel_auc": value + 0.001 * t} for t in range(trainings)
            )
            if trainings > 1
            else (),
        )
        for n, value in enumerate(values)
    ]


GREEN = 0.85 + 0.01 * np.arange(8)
NOISE = 0.02 * np.cos(np.arange(8) * np.pi)


@pytest.mark.parametrize(
    "own, verdict",
    [
        (GREEN + 0.03, "is ahead of"),
        (GREEN - 0.03, "is behind"),
        (GREEN + NOISE, "is neither ahead of nor behind"),
    ],
)
def test_it_is_ahead_only_where_the_interval_says_so(own, verdict):
    images = {
        "generator": _images(own),
        "inverted green channel": _images(GREEN - 0.01),
        "flattened green channel": _images(GREEN),
    }
    told = vessels_beside_classical(images, ["generator"])
    assert list(told) == ["generator"]
    assert (
        f"which {verdict} the best classical picture,"
        f" flattened green channel, {GREEN.mean():.3f}, by" in told["generator"]
    )
    assert f"AUC {own.mean():.3f}, " in told["generator"]


def test_trainings_are_compared_with_the_same_picture():
    images = {
        "a": _images(GREEN + 0.03, trainings=3),
        "flattened green channel": _images(GREEN),
    }
    assert "by +0.031" in vessels_beside_classical(images, ["a"])["a"]


def test_few_patients_decide_nothing():
    one = {n: "the same" for n in range(8)}
    images = {
        "a": _images(GREEN + 0.03, one),
        "flattened green channel": _images(GREEN, one),
    }
    told = vessels_beside_classical(images, ["a"])["a"]
    assert "cannot be told from" in told and "fewer than 6 patients" in told


def test_eyes_without_vessels_decide_nothing():
    none = np.full(8, np.nan)
    images = {name: _images(none) for name in ("a", "inverted green channel")}
    assert not vessels_beside_classical(images, ["a"])


def test_without_classical_pictures_or_vessels_nothing_is_said():
    assert not vessels_beside_classical({"a": _images(GREEN)}, ["a"])
    images = {"inverted green channel": [ImageScores("0", "p", "normal", {})]}
    assert not vessels_beside_classical(images, [])
