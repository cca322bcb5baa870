"""Pictures that are no colour fundus photographs draw a warning."""

import csv
import re
import sys

import cv2
import numpy as np
import pytest

from ffa_keras.images.files import read_fundus, write_png
from ffa_keras.inference.plausibility import LARGEST_SCORE, judge
from ffa_keras.inference.predict import predict
from ffa_keras.phantom import CATEGORIES, make_pair


@pytest.fixture(scope="module")
def eyes():
    return [make_pair(seed, CATEGORIES[seed % 4], 384) for seed in range(4)]


def test_phantom_eyes_pass(eyes):
    assert not any(judge(eye.fundus).suspicious for eye in eyes)


def test_neither_size_nor_light_nor_turning_matters(eyes):
    fundus = eyes[0].fundus
    score = judge(fundus).score
    for other in (
        cv2.resize(fundus, None, fx=1.6, fy=1.6),
        fundus // 2,
        np.ascontiguousarray(np.rot90(fundus)),
    ):
        assert judge(other).score == pytest.approx(score, abs=0.3)


NOISE = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
OTHERS = {
    "an angiogram": (
        lambda eye: np.repeat(eye.ffa, 3, axis=2),
        "no colour, as in a red-free photograph or an angiogram",
    ),
    "red and blue swapped": (lambda eye: eye.fundus[..., ::-1], "blue"),
    "a negative": (lambda eye: 255 - eye.fundus, ""),
    "noise": (lambda eye: NOISE, ""),
    "black": (lambda eye: 0 * eye.fundus, "no retina: dark"),
    "one orange": (
        lambda eye: np.full((100, 90, 3), (170, 90, 40), np.uint8),
        "no retina: dark or without detail",
    ),
    "one row": (lambda eye: NOISE[:1], ""),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_are_suspicious_and_the_reason_is_given(eyes, name):
    change, reason = OTHERS[name]
    for eye in eyes:
        plausibility = judge(change(eye))
        assert plausibility.suspicious
        assert plausibility.score <= LARGEST_SCORE
        assert reason in plausibility.reason


def test_a_cat_is_suspicious():
    data = pytest.importorskip("skimage.data", reason="has the cat")
    assert judge(data.chelsea()).suspicious
    assert judge(data.astronaut()).suspicious
    assert not judge(data.retina()).suspicious


def test_the_program_warns_and_writes_the_score(
    eyes, keras_file, tmp_path, capsys
):
    write_png(tmp_path / "in/a.png", eyes[0].fundus)
    write_png(tmp_path / "in/b.png", eyes[0].ffa)
    out = tmp_path / "out"
    assert predict(str(keras_file), str(tmp_path / "in"), str(out)) == 0
    printed = capsys.readouterr()
    assert not printed.out
    (line,) = printed.err.splitlines()
    assert line.startswith(
        f"warning: {tmp_path / 'in/b.png'}: is this a colour fundus"
        " photograph? no colour"
    )
    with open(out / "report.csv", newline="") as file:
        good, bad = csv.DictReader(file)
    assert (good["suspicious"], bad["suspicious"]) == ("False", "True")
    assert float(good["score"]) < 1.4 < float(bad["score"])
    assert (good["number"], good["width"]) == ("1", "384")
    content = (out / "b.png").read_bytes()
    assert f"Photograph score\0{bad['score']}, usual".encode() in content


def test_a_terminal_shows_how_far_it_is_and_each_warning_on_a_line(
    eyes, keras_file, tmp_path, capsys, monkeypatch
):
    write_png(tmp_path / "in/a.png", eyes[0].ffa)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", sys.stdout)
    predict(str(keras_file), str(tmp_path / "in"), str(tmp_path / "out"))
    lines = re.split("[\r\n]+", capsys.readouterr().out)
    assert any(line.startswith("warning: ") for line in lines)
    assert " 1/1 [" in lines[-2]


@pytest.mark.real_data
def test_held_out_real_eyes_pass_and_their_angiograms_do_not(
    real_photographs,
):
    held_out = [
        "drive/07_test.tif", "drive/10_test.tif", "pairs_other/2_fundus.jpg",
        "pairs_landmarked/73_fundus.png", "pairs_landmarked/88_fundus.png",
        "pairs_uwf/3_fundus.jpg",
    ]  # fmt: skip
    for name in held_out:
        assert not judge(read_fundus(real_photographs / name)).suspicious, name
        angiogram = real_photographs / name.replace("_fundus", "_ffa")
        if angiogram.stem.endswith("_ffa"):
            assert judge(read_fundus(angiogram)).score > 4, angiogram
