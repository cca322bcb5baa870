"""Another runtime, which shares no code with TensorFlow, reads the exports."""

import numpy as np
import pytest
import tensorflow as tf

from export.signatures import ExportedGenerator
from export.to_tflite import convert
from ffa_keras.ops import from_grey_levels, to_grey_levels
from ffa_keras.phantom import make_pair
from ffa_keras.translation.run_folder import load_generator

openvino = pytest.importorskip("openvino", reason="needs ffa_keras[openvino]")
pytestmark = pytest.mark.openvino


@pytest.fixture(scope="module")
def generator():
    """The released one: random weights make much of any rounding."""
    return load_generator("pretrained")


@pytest.fixture(scope="module", params=["SavedModel", "TFLite"])
def served(request, generator, tmp_path_factory):
    """The export as OpenVINO compiles it, in float32."""
    folder = tmp_path_factory.mktemp("openvino")
    if request.param == "SavedModel":
        module = ExportedGenerator(generator)
        tf.saved_model.save(module, str(folder), module.signatures)
        model = openvino.convert_model(str(folder))
    else:
        file = folder / "ffa.tflite"
        file.write_bytes(convert(generator, "float32", [], [(64, 80)]))
        model = openvino.Core().read_model(str(file))
    # Otherwise it takes bfloat16 where the processor has it.
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(model, "CPU", exact)


@pytest.mark.parametrize("size", [(64, 80), (97, 130), (256, 200)])
def test_any_size_is_answered_as_by_keras(generator, served, size):
    height, width = size
    fundus = make_pair(0, "large_focal", 256).fundus[:height, :width]
    batch = fundus[None].astype(np.float32)
    (answer,) = served({0: batch}).values()
    wanted = to_grey_levels(generator(from_grey_levels(batch))).numpy()
    assert wanted.std() > 5
    # Grey levels.
    np.testing.assert_allclose(answer, np.clip(wanted, 0, 255), atol=0.01)
