"""A stand-in for TensorFlow Serving, which is not to be had everywhere.

    python -I stand_in_server.py MODEL_VERSION_FOLDER MODEL_NAME CERTIFICATE KEY

It is no TensorFlow Serving: it follows the published rules of its REST API and
the real gRPC service of `tensorflow-serving-api`, and loads the model with the
C++ loader of SavedModels, without any Python of the project. It prints the
ports of REST and gRPC, plain and with TLS as a proxy before the server has it,
and serves until its standard input is closed.
"""

import base64
import http.server
import json
import ssl
import sys
import threading
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_service_pb2_grpc,
)

FOLDER, NAME, CERTIFICATE, KEY = sys.argv[1:]


class Refusal(Exception):
    """Bad request: a gRPC status and words."""

    def __init__(self, code, words):
        super().__init__(words)
        self.code, self.words = code, words


class Model:
    """The SavedModel behind both APIs."""

    def __init__(self, folder):
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            self._signatures = tf.compat.v1.saved_model.loader.load(
                self._session, ["serve"], folder
            ).signature_def

    def signature(self, model_name, name):
        if model_name != NAME:
            raise Refusal(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: Latest({model_name})",
            )
        name = name or "serving_default"
        if name not in self._signatures:
            raise Refusal(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        return self._signatures[name]

    def run(self, signature, inputs):
        """Answer arrays by name; `inputs` are arrays by name."""
        wanted = set(signature.inputs)
        if set(inputs) != wanted:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT,
                "input size does not match signature:"
                f" {len(inputs)}!={len(wanted)} len({set(inputs)}) !="
                f" len({wanted})",
            )
        try:
            return self._session.run(
                {k: v.name for k, v in signature.outputs.items()},
                {signature.inputs[k].name: v for k, v in inputs.items()},
            )
        except tf.errors.OpError as error:
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT, error.message
            ) from error
        except (ValueError, TypeError) as error:
            # Shapes and types that the server's own check refuses.
            raise Refusal(
                grpc.StatusCode.INVALID_ARGUMENT, str(error)
            ) from error


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """gRPC."""

    def Predict(self, request, context):  # noqa: N802
        spec = request.model_spec
        try:
            signature = MODEL.signature(spec.name, spec.signature_name)
            arrays = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
            answers = MODEL.run(signature, arrays)
        except Refusal as refusal:
            context.abort(refusal.code, refusal.words)
        reply = predict_pb2.PredictResponse()
        for name, value in answers.items():
            reply.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return reply


def from_json(value, dtype):
    """Turn the JSON of a tensor into an array; strings may be base64."""

    def decoded(item):
        if isinstance(item, list):
            return [decoded(x) for x in item]
        if isinstance(item, dict):
            try:
                return base64.b64decode(item["b64"], validate=True)
            except (KeyError, ValueError) as error:
                raise Refusal(
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"JSON Value: {json.dumps(item)} Unable to base64 decode",
                ) from error
        return item

    kind = tf.as_dtype(dtype)
    try:
        return np.array(
            decoded(value),
            object if kind == tf.string else kind.as_numpy_dtype,
        )
    except (ValueError, TypeError) as error:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            f"JSON Value is not of type {kind.name} or not rectangular",
        ) from error


def to_json(name, value):
    """Turn an answer into JSON; names that end in _bytes travel as base64."""
    if value.dtype != object:
        return value.tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(x).decode()} for x in value]
    return [x.decode() for x in value]


def answer_rest(path, content):
    """Answer a `:predict` request in the row format."""
    try:
        body = json.loads(content)
    except ValueError as error:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, f"JSON Parse error: {error}"
        ) from error
    model_name = path.removeprefix("/v1/models/").removesuffix(":predict")
    signature = MODEL.signature(model_name, body.get("signature_name", ""))
    if "instances" not in body:
        raise Refusal(
            grpc.StatusCode.INVALID_ARGUMENT, "Missing 'inputs' or 'instances'"
        )
    ((name, tensor),) = signature.inputs.items()
    rows = [
        row[name] if isinstance(row, dict) and name in row else row
        for row in body["instances"]
    ]
    answers = MODEL.run(signature, {name: from_json(rows, tensor.dtype)})
    columns = {name: to_json(name, value) for name, value in answers.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    rows = zip(*columns.values(), strict=True)
    return {"predictions": [dict(zip(columns, r, strict=True)) for r in rows]}


class Handler(http.server.BaseHTTPRequestHandler):
    """REST."""

    def do_POST(self):  # noqa: N802
        content = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = 200, answer_rest(self.path, content)
        except Refusal as refusal:
            missing = refusal.code is grpc.StatusCode.NOT_FOUND
            status = 404 if missing else 400
            answer = {"error": refusal.words}
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def serve_rest(context=None):
    """Return the port of REST, with TLS if there is a context for it."""
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context:
        rest.socket = context.wrap_socket(rest.socket, server_side=True)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    return rest.server_port


MODEL = Model(FOLDER)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(CERTIFICATE, KEY)
rest_ports = [serve_rest(), serve_rest(tls)]
server = grpc.server(
    futures.ThreadPoolExecutor(1),
    options=[("grpc.max_receive_message_length", -1)],
)
prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
    Service(), server
)
port = server.add_insecure_port("127.0.0.1:0")
with open(CERTIFICATE, "rb") as certificate, open(KEY, "rb") as key:
    pair = [(key.read(), certificate.read())]
tls_port = server.add_secure_port(
    "127.0.0.1:0", grpc.ssl_server_credentials(pair)
)
server.start()
assert not any(name.startswith("ffa_keras") for name in sys.modules)
print(*rest_ports, port, tls_port, flush=True)
sys.stdin.read()
