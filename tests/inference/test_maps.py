"""The maps beside an answer say what they say they say."""

import json

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import write_png
from ffa_keras.inference import maps
from ffa_keras.inference.predict import predict
from ffa_keras.inference.saliency import SALIENCY_MAP, draw_saliency
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import fingerprint

# No map of the answer alone looks at it.
FUNDUS = np.zeros((2, 2, 3), np.uint8)


def test_saliency_is_the_papers():
    ffa = make_pair(3, "large_focal", 256).ffa[:150, :170]
    picture = draw_saliency(ffa)[..., 0].astype(int)
    blurred = cv2.GaussianBlur(np.float32(ffa[..., 0]), (7, 7), 1.4)
    frame = cv2.copyMakeBorder(ffa, 25, 25, 25, 25, cv2.BORDER_REPLICATE)
    median = cv2.medianBlur(frame, 51)[25:-25, 25:-25]
    expected = np.clip(128 + blurred - median, 0, 255)[5:-5, 5:-5]
    assert expected.max() > 150
    assert np.abs(picture[5:-5, 5:-5] - expected).max() <= 1


@pytest.fixture
def intervals(tmp_path, keras_file):
    """File of an evaluation of the model: wider where answers are brighter."""
    file = tmp_path / "intervals.json"
    widths = np.linspace(10, 300, 256).tolist()
    file.write_text(
        json.dumps(
            {
                "generator": fingerprint(keras_file),
                "half_width_by_grey_level": widths,
            }
        )
    )
    return file


def test_a_pixels_interval_is_that_of_its_grey_level(intervals, keras_file):
    draw = maps.interval_map(intervals, keras_file).draw
    ffa = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    want = np.rint(np.minimum(np.linspace(10, 300, 256), 255))
    np.testing.assert_array_equal(draw(FUNDUS, ffa), want.reshape(16, 16, 1))


def test_intervals_of_averaged_answers_are_for_those(intervals, keras_file):
    """And those of single answers are not."""
    with pytest.raises(InputError, match="averaged otherwise"):
        maps.interval_map(intervals, keras_file, averaged=True)
    held = json.loads(intervals.read_text())
    held["generator"] = fingerprint(keras_file, averaged=True)
    intervals.write_text(json.dumps(held))
    ffa = np.zeros((2, 2, 1), np.uint8)
    draw = maps.interval_map(intervals, keras_file, averaged=True).draw
    drawn = draw(FUNDUS, ffa)
    assert (drawn == 10).all()
    with pytest.raises(InputError, match="averaged otherwise"):
        maps.interval_map(intervals, keras_file)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "no intervals; give"),
        ("[]", "no intervals; give"),
        ('{"generator": 1}', "no intervals; give"),
        ('{"generator": 1, "half_width_by_grey_level": [1]}', "256 grey"),
        (
            json.dumps({"generator": 1, "half_width_by_grey_level": [1] * 256}),
            "of another model",
        ),
    ],
)
def test_other_intervals_are_refused(tmp_path, keras_file, text, reason):
    (tmp_path / "odd.json").write_text(text)
    with pytest.raises(InputError, match=f"odd.json: .*{reason}"):
        maps.interval_map(tmp_path / "odd.json", keras_file)


@pytest.fixture
def folder(tmp_path):
    write_png(tmp_path / "in/eye.png", make_pair(1, "normal", 128).fundus)
    return tmp_path


def test_maps_stand_beside_the_answer_and_say_how_to_read_them(
    folder, intervals, keras_file
):
    arguments = str(keras_file), str(folder / "in"), str(folder / "out")
    both = {
        "saliency": SALIENCY_MAP,
        "interval": maps.interval_map(intervals, keras_file),
    }
    assert predict(*arguments, maps=both) == 0
    names = sorted(p.name for p in (folder / "out").glob("*.png"))
    assert names == ["eye.png", "eye_interval.png", "eye_saliency.png"]
    for name, text in (
        ("eye_saliency.png", b": 128 is 0, one grey level each"),
        ("eye_interval.png", b"either way: one grey level each"),
    ):
        content = (folder / "out" / name).read_bytes()
        image = cv2.imdecode(np.frombuffer(content, np.uint8), -1)
        assert image.shape == (128, 128)
        assert b"Synthetic FFA" in content
        assert text in content
    (folder / "out/eye.png").unlink()
    (folder / "out/report.csv").unlink()
    with pytest.raises(InputError, match="2 files exist, eye_"):
        predict(*arguments, maps=both)


def test_a_photograph_named_like_a_map_is_refused(folder, keras_file):
    write_png(folder / "in/eye_saliency.png", np.zeros((32, 32), np.uint8))
    with pytest.raises(InputError, match="would both become eye_saliency.png"):
        predict(
            str(keras_file), str(folder / "in"), str(folder / "out"),
            maps={"saliency": SALIENCY_MAP},
        )  # fmt: skip
