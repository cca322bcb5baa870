"""Whatever generator a method trains leaves the project in every form."""

import keras
import pytest
import tensorflow as tf

from export import to_tflite as tflite
from export.agreement import compare
from export.signatures import ExportedGenerator
from ffa_keras import models
from ffa_keras.errors import InputError
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import load_translator

PHOTOGRAPHS = [
    make_pair(1, "normal", 128).fundus,
    make_pair(2, "large_focal", 128).fundus[:97, :110],
]


@pytest.fixture(
    scope="module",
    params=[
        models.UnetGenerator,
        models.Pix2PixGenerator,
        models.DisentangledGenerator,
    ],
)
def generator(request):
    keras.utils.set_random_seed(0)
    generator = request.param(num_filters=4)
    generator.build((None, None, None, 3))
    return generator


@pytest.mark.slow
def test_the_saved_model_answers_alike(generator, tmp_path):
    module = ExportedGenerator(generator)
    tf.saved_model.save(module, str(tmp_path / "1"), module.signatures)
    exported = load_translator(tmp_path)
    assert compare(generator, exported, PHOTOGRAPHS).worst <= 1


@pytest.mark.slow
def test_tflite_answers_alike(generator, tmp_path):
    file = tmp_path / "ffa.tflite"
    file.write_bytes(tflite.convert(generator, "float32", []))
    assert compare(generator, load_translator(file), PHOTOGRAPHS).worst <= 1


@pytest.mark.parametrize(
    "shape, layer, words",
    [
        ((None, None, None, 3), keras.layers.Conv2D(3, 1), "answers"),
        ((None, None, None, None, 3), keras.layers.Conv3D(1, 1), "takes no"),
        ((None, None, None, 1), keras.layers.Conv2D(1, 1), "takes no"),
        ((None, 7), keras.layers.Dense(1), "takes no"),
    ],
    ids=["three channels out", "volumes", "grey", "no image"],
)
def test_a_model_that_is_no_generator_is_refused_in_words(shape, layer, words):
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    with pytest.raises(InputError, match=f"the model {words}.*export a gen"):
        ExportedGenerator(model)
