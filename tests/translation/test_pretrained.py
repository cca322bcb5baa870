"""The released generator: what the package holds, and what it can do."""

import hashlib

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import fingerprint, load_translator
from ffa_keras.translation.places import generator_file, locate

SHA256 = "4dda01e4fcddc0f97e2058136078e266603c4e012ba71d849ff56b8e241e81e2"
_SIZE = 384


@pytest.fixture(scope="module")
def translate():
    return load_translator("pretrained")


@pytest.fixture(scope="module")
def pair():
    return make_pair(80_001, "normal", _SIZE, misalignment=0)


def _vessel_contrast(answer, pair):
    """Local detail of an answer on vessels, less that beside them."""
    answer = cv2.resize(answer[..., 0], (_SIZE, _SIZE)).astype(np.float32)
    detail = answer - cv2.GaussianBlur(answer, (0, 0), 8)
    vessels = pair.vessel_mask[..., 0] > 0
    near = cv2.dilate(pair.vessel_mask, np.ones((15, 15))) > 0
    return detail[vessels].mean() - detail[near & ~vessels].mean()


def test_the_file_is_the_one_that_the_card_describes():
    path = generator_file("pretrained")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    assert SHA256[:12] in fingerprint("pretrained")
    assert path.stat().st_size < 8 * 2**20
    assert SHA256 in (path.parent / "card.md").read_text()


def test_the_name_wins_over_no_path(tmp_path, monkeypatch):
    (tmp_path / "pretrained").mkdir()
    monkeypatch.chdir(tmp_path)
    assert locate("pretrained").is_absolute()
    with pytest.raises(InputError, match="expected a run folder"):
        load_translator("./pretrained")


@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_vessels_are_bright_at_any_number_of_pixels(translate, pair, scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    picture = cv2.resize(
        pair.fundus, None, fx=scale, fy=scale, interpolation=how
    )
    answer = translate(picture)
    assert answer.shape == (*picture.shape[:2], 1)
    assert _vessel_contrast(answer, pair) > 10
