"""The warm-up requests are what TensorFlow Serving replays."""

import subprocess
import sys
from pathlib import Path

import pytest

apis = pytest.importorskip(
    "tensorflow_serving", reason="needs ffa_keras[serving]"
)
pytestmark = pytest.mark.serving
ROOT = Path(__file__).parents[2]

# Replays as the server does: the C++ loader, the wire format, no code of ours.
_REPLAY = """
import sys
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
folder = sys.argv[1]
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    file = folder + "/assets.extra/tf_serving_warmup_requests"
    for record in tf.compat.v1.io.tf_record_iterator(file):
        request = PredictionLog.FromString(record).predict_log.request
        name = request.model_spec.signature_name
        signature = meta.signature_def[name]
        answers = session.run(
            {k: v.name for k, v in signature.outputs.items()},
            {
                signature.inputs[k].name: tf.make_ndarray(v)
                for k, v in request.inputs.items()
            },
        )
        shapes = {k: v.shape for k, v in sorted(answers.items())}
        print(request.model_spec.name, name, shapes)
"""


@pytest.mark.slow
def test_warm_up_requests_are_answered_without_our_code(
    trained_run, run_program, tmp_path
):
    run_program(
        "-m", "export.saved_model", f"--run_dir={trained_run}",
        f"--output={tmp_path / 'eyes'}", "--warm_up",
    )  # fmt: skip
    place = str(list(apis.__path__)[0]).removesuffix("tensorflow_serving")
    code = f"import sys; sys.path.append({place!r})\n{_REPLAY}"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, tmp_path / "eyes/1"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "eyes serving_default {'ffa': (1, 512, 512, 1)}",
        "eyes with_saliency"
        " {'ffa': (1, 512, 512, 1), 'saliency': (1, 512, 512, 1)}",
        "eyes encoded {'ffa_bytes': (1,)}",
    ]


def test_the_sample_configuration_is_one_of_the_server():
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import (
        ModelServerConfig,
    )

    text = (ROOT / "export/models.config").read_text()
    config = text_format.Parse(text, ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path) == ("ffa", "/models/ffa")
    assert "/models/ffa" in (ROOT / "docs/serving.md").read_text()
