"""The maps beside an answer say what they say they say."""

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import write_png
from ffa_keras.inference import maps
from ffa_keras.inference.predict import predict
from ffa_keras.phantom import make_pair


def test_saliency_is_the_papers():
    ffa = make_pair(3, "large_focal", 256).ffa[:150, :170]
    picture = maps.draw_saliency(ffa)[..., 0].astype(int)
    blurred = cv2.GaussianBlur(np.float32(ffa[..., 0]), (7, 7), 1.4)
    frame = cv2.copyMakeBorder(ffa, 25, 25, 25, 25, cv2.BORDER_REPLICATE)
    median = cv2.medianBlur(frame, 51)[25:-25, 25:-25]
    expected = np.clip(128 + blurred - median, 0, 255)[5:-5, 5:-5]
    assert expected.max() > 150
    assert np.abs(picture[5:-5, 5:-5] - expected).max() <= 1


def test_uncertainty_is_the_deviation_over_the_eight_turns():
    rng = np.random.default_rng(0)
    fundus = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)

    def brighter_to_the_right(image):
        ramp = np.arange(image.shape[1])[None, :, None]
        return (image[..., :1] // 4 + 2 * ramp).astype(np.uint8)

    y, x = np.indices((40, 50))
    # Each side of the photograph lies to the right in two of the eight.
    turns = 2 * np.array([x, 49 - x, y, 39 - y] * 2)
    expected = np.minimum(4 * turns.std(axis=0), 255)
    ffa = brighter_to_the_right(fundus)
    runs = []

    def translate(image):
        runs.append(image)
        return brighter_to_the_right(image)

    got = maps.draw_uncertainty(translate, fundus, ffa)[..., 0]
    assert len(runs) == 7, "the photograph as it is was translated before"
    assert np.abs(got - expected).max() <= 1


def test_what_turns_with_the_photograph_is_certain():
    fundus = make_pair(1, "normal", 128).fundus[:, :100]
    got = maps.draw_uncertainty(
        lambda image: image[..., :1], fundus, fundus[..., :1]
    )
    assert got.shape == (128, 100, 1)
    assert not got.any()


@pytest.fixture
def folder(tmp_path):
    write_png(tmp_path / "in/eye.png", make_pair(1, "normal", 128).fundus)
    return tmp_path


def test_maps_stand_beside_the_answer_and_say_how_to_read_them(
    folder, keras_file
):
    arguments = str(keras_file), str(folder / "in"), str(folder / "out")
    both = ("saliency", "uncertainty")
    assert predict(*arguments, maps=both) == 0
    names = sorted(p.name for p in (folder / "out").glob("*.png"))
    assert names == ["eye.png", "eye_saliency.png", "eye_uncertainty.png"]
    for name, text in (
        ("eye_saliency.png", b": 128 is 0, one grey level each"),
        ("eye_uncertainty.png", b"four grey levels each"),
    ):
        content = (folder / "out" / name).read_bytes()
        image = cv2.imdecode(np.frombuffer(content, np.uint8), -1)
        assert image.shape == (128, 128)
        assert b"Synthetic FFA" in content
        assert text in content
    (folder / "out/eye.png").unlink()
    (folder / "out/report.csv").unlink()
    with pytest.raises(InputError, match="2 files exist, eye_saliency.png"):
        predict(*arguments, maps=both)


def test_a_photograph_named_like_a_map_is_refused(folder, keras_file):
    write_png(folder / "in/eye_saliency.png", np.zeros((32, 32), np.uint8))
    with pytest.raises(InputError, match="would both become eye_saliency.png"):
        predict(
            str(keras_file), str(folder / "in"), str(folder / "out"),
            maps=["saliency"],
        )  # fmt: skip
