"""Judging: each real eye measured once, few eyes in memory, refusals."""

import sys
import weakref

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import REAL, inverted_green
from ffa_keras.evaluation.eyes import eyes_of
from ffa_keras.evaluation.inception import kernel_distance
from ffa_keras.evaluation.judging import Judge
from ffa_keras.evaluation.measures import Measure, Metric
from ffa_keras.evaluation.measures.exposure import EXPOSURE


def _eyes(dataset):
    return eyes_of(dataset, "test")


@pytest.fixture
def counted():
    """A cheap measure instead of the real ones; what it was called with."""
    calls = {"eyes": 0, "predictions": 0}

    def prepare(eye):
        calls["eyes"] += 1
        mean = eye.real.mean()

        def compare(prediction):
            calls["predictions"] += 1
            return {"brightness": prediction.mean() - mean}

        return compare

    metric = Metric("brightness", "brightness", 1, 0, "Summary")
    measure = Measure("brightness", (metric,), prepare)
    return (measure,), calls


def test_each_real_eye_is_measured_once(made_up_dataset, counted):
    systems = {f"system {n}": inverted_green for n in range(5)}
    measures, calls = counted
    judge = Judge(_eyes(made_up_dataset(4)), systems, measures)
    cases = list(judge.cases())
    assert calls == {"eyes": 4, "predictions": 4 * 6}
    assert list(judge.images) == [*systems, REAL]
    for number, case in enumerate(cases):
        for name, prediction in case.predictions.items():
            image = judge.images[name][number]
            expected = prediction.mean() - case.eye.real.mean()
            assert image.pair == case.pair and len(case.pair) == 8
            assert image.scores["brightness"] == pytest.approx(expected)
    assert "brightness 0.00" in judge.times()


def test_a_terminal_shows_how_many_of_all_eyes_are_judged(
    made_up_dataset, counted, capsys, monkeypatch
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    list(Judge(_eyes(made_up_dataset(4)), {}, counted[0], total=4).cases())
    assert " 4/4 [" in capsys.readouterr().err


def test_few_eyes_are_in_memory_whatever_their_number(made_up_dataset, counted):
    seen = []

    class Image(np.ndarray):
        """An array that says when it is gone."""

    def system(fundus):
        image = np.zeros((*fundus.shape[:2], 1), np.uint8).view(Image)
        seen.append(weakref.ref(image))
        return image

    systems = {f"system {n}": system for n in range(9)}
    most = 0
    for _ in Judge(_eyes(made_up_dataset(40)), systems, counted[0]).cases():
        most = max(most, sum(image() is not None for image in seen))
    assert 9 <= most <= 9 * 5


def test_a_flat_prediction_is_as_good_as_one_with_a_channel(
    made_up_dataset, counted
):
    def flat(fundus):
        return inverted_green(fundus)[..., 0]

    systems = {"flat": flat, "deep": inverted_green}
    judge = Judge(_eyes(made_up_dataset()), systems, counted[0])
    list(judge.cases())
    assert judge.images["flat"] == judge.images["deep"]


@pytest.mark.parametrize("shape", [(32, 31), (32, 32, 3), (1, 32, 32, 1)])
def test_a_prediction_of_another_size_is_refused(
    made_up_dataset, counted, shape
):
    systems = {"mine": lambda fundus: np.zeros(shape, np.uint8)}
    with pytest.raises(InputError, match="mine: predicts.*photograph's size"):
        list(Judge(_eyes(made_up_dataset()), systems, counted[0]).cases())


def test_an_eye_too_small_for_ssim_is_refused(made_up_dataset):
    with pytest.raises(InputError, match="10x10 pixels.*at least 11"):
        list(Judge(_eyes(made_up_dataset(side=10)), {}).cases())


@pytest.mark.parametrize("count, known", [(19, False), (20, True)])
def test_the_distance_of_the_real_images_is_that_of_their_halves(
    made_up_dataset, count, known
):
    def features(ffa):
        return ffa[:2, :2].ravel() / 255.0

    judge = Judge(
        _eyes(made_up_dataset(count)),
        {"white": lambda fundus: np.full_like(fundus[..., :1], 255)},
        (EXPOSURE,),
        features,
    )
    real = [features(case.eye.real) for case in judge.cases()]
    found = judge.distances()
    if not known:
        (reason,) = found.values()
        assert reason == "not computed: 19 images, and 20 are needed"
        return
    assert list(found) == ["KID and FID of white", "KID of real FFA"]
    expected = kernel_distance(np.stack(real[::2]), np.stack(real[1::2]))
    assert found["KID of real FFA"].startswith(f"{expected:.4f}, one half")
