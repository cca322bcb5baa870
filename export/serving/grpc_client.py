"""Requests to TensorFlow Serving over gRPC."""

from collections.abc import Mapping
from pathlib import Path

import grpc
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from ..endpoints import ENCODED, FFA_BYTES, FUNDUS_BYTES
from .server import MOST_BYTES, Server

_OPTIONS = [
    ("grpc.max_receive_message_length", MOST_BYTES),
    ("grpc.max_send_message_length", MOST_BYTES),
]


def translate_by_grpc(server: Server, png: bytes) -> bytes:
    """Have an image file translated over gRPC.

    Args:
        server: which, at `grpc://` or `grpcs://`.
        png: the image file.

    Returns:
        The PNG file of the answer.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[png])
    tensor.tensor_shape.dim.add(size=1)
    outputs = call_grpc(server, ENCODED, {FUNDUS_BYTES: tensor})
    try:
        (answer,) = outputs[FFA_BYTES].string_val
    except (KeyError, ValueError) as error:
        raise server.unexpected() from error
    return answer


def call_grpc(
    server: Server,
    endpoint: str,
    inputs: Mapping[str, tensor_pb2.TensorProto],
) -> Mapping[str, tensor_pb2.TensorProto]:
    """Call an endpoint of a model.

    Args:
        server: as of `translate_by_grpc`.
        endpoint: name of the signature.
        inputs: tensors by name.

    Returns:
        The answer's tensors by name.

    Raises:
        InputError: as of `translate_by_grpc`.
    """
    request = predict_pb2.PredictRequest(inputs=inputs)
    request.model_spec.name = server.model_name
    request.model_spec.signature_name = endpoint
    with _channel(server) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            return stub.Predict(request, timeout=server.timeout).outputs
        except grpc.RpcError as error:
            code = error.code()
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise server.late() from error
            if code is grpc.StatusCode.UNAVAILABLE:
                if "CERTIFICATE" in str(error.details()).upper():
                    raise server.untrusted() from error
                raise server.absent() from error
            raise server.refused(error.details()) from error


def _channel(server: Server) -> grpc.Channel:
    scheme, _, address = server.address.partition("://")
    if scheme == "grpc":
        return grpc.insecure_channel(address, _OPTIONS)
    file = server.ca_certificate
    authority = Path(file).read_bytes() if file else None
    credentials = grpc.ssl_channel_credentials(authority)
    return grpc.secure_channel(address, credentials, _OPTIONS)
