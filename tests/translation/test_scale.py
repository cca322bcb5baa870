"""A photograph is brought to the field of view that a generator knows."""

import cv2
import numpy as np
import pytest

from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.keras_model import translator_of
from ffa_keras.translation.scale import at_field, field_diameter


@pytest.fixture(scope="module")
def fundus():
    return make_pair(11, "normal", 200, misalignment=0).fundus


def _resized(image, scale):
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)


@pytest.mark.parametrize("scale", [0.25, 0.5, 1, 2])
def test_the_generator_sees_one_field_whatever_the_pixels(fundus, scale):
    picture = _resized(fundus, scale)
    seen = []

    def inverted(image):
        seen.append(field_diameter(image))
        return 255 - image[..., 1:2]

    answer = at_field(inverted, picture, 120)
    assert answer.shape == (*picture.shape[:2], 1)
    assert answer.dtype == np.uint8
    assert seen[0] == pytest.approx(120, abs=4)
    # And the answer lies where the photograph does.
    plain = 255 - picture[..., 1].astype(float)
    inside = picture.min(-1) > 10
    agreement = np.corrcoef(plain[inside], answer[..., 0][inside])[0, 1]
    assert agreement > 0.75


def test_without_a_diameter_nothing_is_resampled(fundus):
    answer = at_field(lambda image: image[..., :1], fundus, 0)
    np.testing.assert_array_equal(answer, fundus[..., :1])


def test_what_shows_no_field_is_translated_as_it_is():
    black = np.zeros((40, 50, 3), np.uint8)
    assert at_field(lambda image: image[..., :1], black, 500).shape == (
        40, 50, 1,
    )  # fmt: skip


def test_a_generator_keeps_its_diameter_in_its_file(fundus, tmp_path):
    generator = ResnetGenerator(2, 1, field_diameter=120)
    generator.build((None, None, None, 3))
    generator.save(tmp_path / "generator.keras")
    loaded = load_translator(tmp_path / "generator.keras")
    native = ResnetGenerator(2, 1)
    native.build((None, None, None, 3))
    native.set_weights(generator.get_weights())
    half = translator_of(native)(fundus)
    answer = loaded(fundus)
    np.testing.assert_array_equal(answer, translator_of(generator)(fundus))
    assert not np.array_equal(answer, half)
