"""What a report draws: regions, curves, and which cases come first."""

import dataclasses
import re

import cv2
import numpy as np
import pytest

from ffa_keras.evaluation.charts import metric_chart
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.figures import CHOSEN_BY, Figures
from ffa_keras.evaluation.froc import Froc
from ffa_keras.evaluation.measures import MEASURES, Eye, metrics_of
from ffa_keras.evaluation.measures.leakage import reference_of
from ffa_keras.evaluation.regions import (
    FOUND,
    INVENTED,
    MISSED,
    draw_generated,
    draw_real,
)
from ffa_keras.evaluation.results import ImageScores, summarise
from ffa_keras.images.pictures import in_two_rows, picture_row, stack_rows

METRICS = metrics_of(MEASURES)
SIZE = 300


def _ffa(*leaks):
    image = np.full((SIZE, SIZE), 60.0, np.float32)
    noise = np.random.default_rng(0).normal(0, 1.5, image.shape)
    for x, y in leaks:
        cv2.circle(image, (x, y), 22, 170, -1)
    image = cv2.GaussianBlur(image, (0, 0), 2) + noise
    return np.clip(image, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def case():
    """An eye of two leaks; one is predicted, and one that is not there."""
    rows, columns = np.ogrid[:SIZE, :SIZE]
    inside = (rows - 150) ** 2 + (columns - 150) ** 2 < 145**2
    eye = Eye(
        np.zeros((SIZE, SIZE, 3), np.uint8),
        _ffa((90, 90), (210, 90)),
        inside[..., None],
    )
    predictions = {"generator": _ffa((92, 90), (150, 230))}
    return HeldOut("0a1b2c3d", "p", "large_focal", eye, predictions=predictions)


def _near(picture, colour, point, reach=30):
    rows, columns = np.nonzero((picture == colour).all(-1))
    return bool(len(rows)) and bool(
        (np.hypot(columns - point[0], rows - point[1]) < reach).all()
    )


def test_leaks_are_outlined_by_what_became_of_them(case):
    predicted = case.predictions["generator"]
    found = reference_of(case.eye).findings(predicted)
    real = draw_real(case.eye.real, found)
    fake = draw_generated(predicted, found)
    assert _near(real, FOUND, (90, 90)) and _near(real, MISSED, (210, 90))
    assert _near(fake, FOUND, (92, 90)) and _near(fake, INVENTED, (150, 230))


def test_the_froc_counts_a_leak_once(case):
    froc = Froc()
    froc.add(reference_of(case.eye).findings(case.predictions["generator"]))
    curve = dict(froc.curves()["broad leaks, off the disc"])
    assert curve[0.0] in (0.0, 0.5) and curve[4.0] == 0.5
    assert "FROC of broad leaks" in froc.chart()


def test_the_disc_is_no_leak_that_the_froc_finds(case):
    found = dataclasses.replace(
        reference_of(case.eye).findings(case.eye.real),
        contrast=np.array([3.0, 2.0, 1.0]),
        wanted={2},
        # The clearest is the disc, the second invented, the third the leak.
        first_met={1: 1, 2: 3},
        hits={1, 3},
        invented={2},
    )
    froc = Froc()
    froc.add(found)
    curve = dict(froc.curves()["broad leaks, off the disc"])
    assert curve[0.0] == 0 and curve[1.0] == 1


def test_the_worst_the_median_and_the_best_come_first(case, tmp_path):
    figures = Figures(tmp_path / "figures", leaks=False)
    images = []
    for number, score in enumerate((30.0, 10.0, 20.0, 25.0, np.inf)):
        pair = f"{number}" * 8
        figures.add(dataclasses.replace(case, pair=pair), "generator")
        scores = {m.name: score for m in METRICS}
        images.append(ImageScores(pair, "p", case.category, scores))
    shown = figures.illustrations(images, METRICS)
    assert list(shown.chosen) == [
        "Worst: 11111111, 10.00",
        "Median: 33333333, 25.00",
        "Best: 44444444, no error",
    ]
    assert "exposure fitted" in shown.chosen_by
    assert len(shown.others) == 2
    assert CHOSEN_BY in {metric.name for metric in METRICS}


def test_six_tiles_stand_in_two_rows():
    tiles = {
        n: np.full((8, 10, 3), 40 * i, np.uint8) for i, n in enumerate("abcdef")
    }
    first = picture_row({n: tiles[n] for n in "abc"})
    second = picture_row({n: tiles[n] for n in "def"})
    np.testing.assert_array_equal(
        in_two_rows(picture_row(tiles)), stack_rows([first, second])
    )


def test_a_chart_has_a_row_for_each_system_and_group():
    scores = {metric.name: 0.5 for metric in METRICS}
    images = [
        ImageScores(f"{n:08x}", f"p{n}", "normal", scores, {"sex": "fm"[n % 2]})
        for n in range(8)
    ]
    missing = {metric.name: float("nan") for metric in METRICS}
    others = [ImageScores("0" * 8, "p", "normal", missing)] * 8
    report = summarise({"<ours>": images, "b": others}, METRICS, {}, False)
    chart = metric_chart(report, METRICS[0])
    labels = re.findall(r'text-anchor="end">([^<]*)<', chart)
    assert "&lt;ours&gt;" in labels and "b" in labels
    assert "&lt;ours&gt;, sex: f" in labels and "<ours>" not in chart
    assert chart.count("<circle") == 4 and ">none<" in chart
    nothing = summarise({"b": others}, METRICS, {}, False)
    assert metric_chart(nothing, METRICS[0]) == ""
