"""Conformal intervals: they cover what they say, or are not given."""

import json

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.evaluate import INTERVALS, evaluate_run
from ffa_keras.evaluation.half_widths import read_half_widths
from ffa_keras.evaluation.intervals import (
    Answer,
    Coverage,
    Intervals,
    calibrate,
    error_by_level,
    intervals_of,
)
from ffa_keras.evaluation.measures import Eye


def _answers(rng, patients, eyes=1, pixels=400):
    """Answers whose error grows with the grey level, and with the patient."""
    for number in range(patients):
        patient = rng.lognormal(0, 0.5)
        for _ in range(eyes):
            fake = rng.integers(0, 256, pixels).astype(np.uint8)
            error = np.abs(rng.normal(0, patient * (2 + fake / 20)))
            yield Answer(fake, error, rng.exponential(patient), str(number))


@pytest.mark.parametrize("patients, eyes", [(20, 1), (40, 2)])
def test_new_patients_are_covered_as_promised(patients, eyes):
    rng = np.random.default_rng(0)
    scale = error_by_level(_answers(rng, 20))
    pixels, areas = [], []
    for _ in range(60):
        found = intervals_of(_answers(rng, patients, eyes), scale)
        assert found.patients == patients
        for new in _answers(rng, 5):
            pixels.append(np.mean(new.error <= found.half_widths[new.fake]))
            areas.append(new.area_error <= found.area)
    # 300 patients each; never less than promised, nor much more.
    assert 0.885 < np.mean(pixels) < 0.97
    assert 0.87 < np.mean(areas) < 0.99


def test_widths_follow_the_error_by_grey_level():
    rng = np.random.default_rng(1)
    scale = error_by_level(_answers(rng, 200))
    expected = np.sqrt(2 / np.pi) * np.exp(0.125) * (2 + np.arange(256) / 20)
    np.testing.assert_allclose(scale[20:236], expected[20:236], rtol=0.15)
    # Levels that no answer has take after their neighbours.
    few = [Answer(np.full(9, 100, np.uint8), np.full(9, 7.0), 0.0, "p")]
    np.testing.assert_allclose(error_by_level(few), 7, rtol=1e-3)


def test_too_few_patients_promise_nothing():
    rng = np.random.default_rng(0)
    found = intervals_of(_answers(rng, 5), np.ones(256))
    assert (found.half_widths == 255).all() and found.area == 100


def test_what_was_covered_is_told():
    coverage = Coverage(Intervals(24, np.full(256, 10.0), 1.5))
    real = np.full((40, 40, 1), 100, np.uint8)
    fake = real.copy()
    fake[:10] = 111
    eye = Eye(np.zeros((40, 40, 3), np.uint8), real, real > 0)
    coverage.add(eye, fake)
    words = coverage.describe()
    assert "24 patients" in words and "75.0 % of the pixels" in words
    assert "1 of 1 images" in words


class _Few:
    splits = ("train", "validation", "test")

    def records(self, split, features):
        assert (split, features) == ("validation", ["patient"])
        yield from ({"patient": b"%d" % (n // 2)} for n in range(38))


def test_what_is_written_is_read_for_its_model_only(tmp_path):
    rng = np.random.default_rng(0)
    found = intervals_of(_answers(rng, 30), np.linspace(1, 5, 256))
    file = tmp_path / "intervals.json"
    file.write_text(json.dumps(found.to_json("this model")))
    read = read_half_widths(file, "this model")
    np.testing.assert_allclose(read, found.half_widths, atol=0.005)
    with pytest.raises(InputError, match="of another model, .*; evaluate this"):
        read_half_widths(file, "that model")


def test_below_twenty_patients_there_are_none():
    assert calibrate(_Few(), None) == (
        "none: 19 patients in the validation split, and 20 are needed to"
        " calibrate them"
    )


def test_without_training_pairs_there_are_none():
    class Unpaired(_Few):
        def records(self, split, features):
            yield from ({"patient": b"%d" % n} for n in range(40))

        def stores_of(self, split):
            assert split == "train"
            return ()

    found = calibrate(Unpaired(), None)
    assert found == "none: no pair is in the training split"


@pytest.mark.slow
def test_a_report_says_why_it_has_none(trained_run, tmp_path):
    report = evaluate_run(trained_run, output=str(tmp_path / "out"))
    assert "patients in the validation split" in report.facts[INTERVALS]
    assert not (tmp_path / "out" / "intervals.json").exists()
