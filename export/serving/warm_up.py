"""Requests that TensorFlow Serving replays before a version goes live."""

from pathlib import Path

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.images.files import encode_png
from ffa_keras.phantom import make_pair

from ..endpoints import (
    ENCODED,
    FUNDUS,
    FUNDUS_BYTES,
    SERVING_DEFAULT,
    WITH_SALIENCY,
)

# Where TensorFlow Serving looks, in the folder of a version.
WARM_UP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
# Of the phantom photograph that is sent, pixels.
_SIDE = 512


def write_warm_up(version: Path, model_name: str) -> None:
    """Add one request for each endpoint to a SavedModel.

    Args:
        version: folder of the SavedModel.
        model_name: by which clients will ask for it.

    Raises:
        InputError: `tensorflow-serving-api` is not installed.
    """
    try:
        from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog
    except ImportError as error:
        raise InputError(
            "--warm_up: needs tensorflow-serving-api; pip install"
            " 'ffa_keras[serving]'"
        ) from error
    fundus = make_pair(0, "large_focal", _SIDE).fundus
    batch = fundus[None].astype("float32")
    requests = {
        SERVING_DEFAULT: (FUNDUS, batch),
        WITH_SALIENCY: (FUNDUS, batch),
        ENCODED: (FUNDUS_BYTES, [encode_png(fundus)]),
    }
    file = version / WARM_UP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for endpoint, (name, value) in requests.items():
            log = PredictionLog()
            request = log.predict_log.request
            request.model_spec.name = model_name
            request.model_spec.signature_name = endpoint
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            writer.write(log.SerializeToString())
