"""Answers in the appearance of another FFA image."""

import cv2
import keras
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import write_png
from ffa_keras.inference.files import SPREAD
from ffa_keras.inference.maps import spread_map
from ffa_keras.inference.predict import predict
from ffa_keras.models import DisentangledGenerator
from ffa_keras.ops import from_grey_levels, to_grey_levels
from ffa_keras.phantom import make_pair


@pytest.fixture(scope="module")
def eye():
    return make_pair(1, "normal", 96)


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    generator = DisentangledGenerator(num_filters=2, num_codes=2)
    generator.build((None, None, None, 3))
    for weight in generator.trainable_variables:
        if len(weight.shape) > 1:
            weight.assign(8 * weight)
    # Far from that of any image.
    generator.mean_appearance.assign([30.0, -30.0])
    return generator


@pytest.fixture
def files(tmp_path, generator, eye):
    generator.save(tmp_path / "generator.keras")
    write_png(tmp_path / "in" / "eye.png", eye.fundus)
    write_png(tmp_path / "exemplar.png", eye.ffa)
    return tmp_path


def _translated(folder, **options):
    predict(
        str(folder / "generator.keras"),
        str(folder / "in"),
        str(folder / "out"),
        **options,
    )
    return cv2.imread(str(folder / "out" / "eye.png"), cv2.IMREAD_UNCHANGED)


def test_an_exemplar_lends_its_appearance_and_is_named_by_its_hash(
    files, generator, eye
):
    plain = _translated(files)
    lent = _translated(
        files, exemplar=str(files / "exemplar.png"), overwrite=True
    )
    mean, _ = generator.appearance_encoder(from_grey_levels(eye.ffa[None]))
    wanted = generator(from_grey_levels(eye.fundus[None]), mean)
    wanted = to_grey_levels(wanted)[0, ..., 0].numpy()
    assert np.abs(lent - wanted).max() <= 0.51
    assert np.abs(lent.astype(int) - plain).max() > 1
    assert (
        b"Exemplar\0pixels, SHA-256 "
        in (files / "out" / "eye.png").read_bytes()
    )


def test_resuming_with_another_exemplar_makes_answers_again(files):
    plain = _translated(files)
    lent = _translated(files, exemplar=str(files / "exemplar.png"), resume=True)
    assert np.abs(lent.astype(int) - plain).max() > 1


def test_the_spread_is_that_of_answers_in_eight_appearances(
    files, generator, eye
):
    model = str(files / "generator.keras")
    _translated(files, maps={SPREAD: spread_map(model)})
    drawn = cv2.imread(str(files / "out" / "eye_spread.png"), -1).astype(float)
    draw = np.random.default_rng(0)
    fundus = from_grey_levels(eye.fundus[None])
    answers = [
        to_grey_levels(generator(fundus, code[None].astype(np.float32)))
        for code in draw.normal(size=(8, generator.num_codes))
    ]
    mean = sum(a.numpy() for a in answers) / 8
    variance = sum((a.numpy() - mean) ** 2 for a in answers) / 8
    assert drawn.max() > 1
    assert np.abs(drawn - np.sqrt(variance)[0, ..., 0]).max() <= 0.51
    assert (
        b"eight random appearances"
        in (files / "out" / "eye_spread.png").read_bytes()
    )


def test_a_spread_is_refused_where_there_is_one_appearance(
    keras_file, tmp_path
):
    with pytest.raises(InputError, match="no appearance.*--appearance_spread"):
        spread_map(str(keras_file))
    (tmp_path / "ffa.tflite").write_bytes(b"none")
    with pytest.raises(InputError, match="for good; leave --appearance_spread"):
        spread_map(str(tmp_path / "ffa.tflite"))


def test_what_cannot_lend_or_take_an_appearance_is_refused(
    files, keras_file, tmp_path
):
    exemplar = str(files / "exemplar.png")
    with pytest.raises(InputError, match="ResnetGenerator has no appearance"):
        predict(
            str(keras_file), str(files / "in"), str(files / "out"),
            exemplar=exemplar,
        )  # fmt: skip
    with pytest.raises(InputError, match="--exemplar: .*nowhere.png"):
        _translated(files, exemplar=str(files / "nowhere.png"))
    write_png(tmp_path / "tiny.png", np.zeros((9, 99), np.uint8))
    with pytest.raises(InputError, match="--exemplar=.*too small"):
        _translated(files, exemplar=str(tmp_path / "tiny.png"))
    (tmp_path / "ffa.tflite").write_bytes(b"none")
    with pytest.raises(InputError, match="TFLite has one appearance for good"):
        predict(
            str(tmp_path / "ffa.tflite"), str(files / "in"),
            str(files / "out"), exemplar=exemplar,
        )  # fmt: skip
