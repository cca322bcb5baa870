"""Real photographs get the same pixels from every exported form."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import to_tflite as tflite
from export.agreement import BOUNDS, compare
from export.equalize import equalize
from export.signatures import ExportedGenerator
from ffa_keras.images.files import read_fundus
from ffa_keras.models import ResnetGenerator
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.whole import translate

NAMES = (
    "drive/01_test.tif",
    "pairs_landmarked/73_fundus.png",
    "pairs_other/1_fundus.jpg",
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
]


@pytest.fixture(scope="module")
def photographs(real_photographs):
    files = [real_photographs / name for name in NAMES]
    return [read_fundus(file)[50:370, 60:382] for file in files]


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=8, num_blocks=1)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(5 * weight)
    return generator


@pytest.fixture(scope="module")
def saved_model(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved_model")
    module = ExportedGenerator(generator)
    tf.saved_model.save(module, str(folder), module.signatures)
    return folder


def _lite(generator, precision, patches, folder):
    file = folder / f"{precision}.tflite"
    file.write_bytes(tflite.convert(generator, precision, patches))
    return load_translator(file)


def _by_cpp_loader(folder, fundus):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        meta = tf.compat.v1.saved_model.loader.load(
            session, ["serve"], str(folder)
        )
        signature = meta.signature_def["serving_default"]
        ffa = session.run(
            signature.outputs["ffa"].name,
            {signature.inputs["fundus"].name: fundus[None].astype("float32")},
        )
    return np.rint(ffa[0]).astype(np.uint8)


def test_exact_forms_are_within_one_grey_level(
    generator, saved_model, photographs, tmp_path
):
    forms = {
        "SavedModel": load_translator(saved_model),
        "C++ loader": lambda fundus: _by_cpp_loader(saved_model, fundus),
        "float32": _lite(generator, "float32", [], tmp_path),
    }
    for name, form in forms.items():
        assert compare(generator, form, photographs).worst <= 1, name


def test_rounded_forms_are_near(generator, photographs, tmp_path):
    float16 = _lite(generator, "float16", [], tmp_path)
    bound = BOUNDS["float16"]
    assert compare(generator, float16, photographs).psnr > bound
    # int8 starts from the equalized generator, which must answer alike.
    expected = [translate(generator, fundus) for fundus in photographs]
    patches = [fundus[None].astype(np.float32) for fundus in photographs]
    equalize(generator, patches)
    for fundus, wanted in zip(photographs, expected, strict=True):
        moved = translate(generator, fundus).astype(int) - wanted
        assert np.abs(moved).max() <= 1
