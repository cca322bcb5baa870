"""Requests to TensorFlow Serving over gRPC."""

from collections.abc import Mapping
from pathlib import Path

import grpc
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from ..endpoints import ENCODED, FFA_BYTES, FUNDUS_BYTES
from .replies import (
    MOST_BYTES,
    absent,
    late,
    refused,
    unexpected,
    untrusted,
)


def translate_by_grpc(
    server: str,
    model_name: str,
    png: bytes,
    timeout: float,
    ca_certificate: str = "",
) -> bytes:
    """Have an image file translated over gRPC.

    Args:
        server: `grpc://HOST:PORT`, or `grpcs://HOST:PORT` with TLS.
        model_name: as the server knows it.
        png: the image file.
        timeout: seconds to wait for the server.
        ca_certificate: PEM file of who vouches for the server.

    Returns:
        The PNG file of the answer.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[png])
    tensor.tensor_shape.dim.add(size=1)
    inputs = {FUNDUS_BYTES: tensor}
    outputs = call_grpc(
        server, model_name, ENCODED, inputs, timeout, ca_certificate
    )
    try:
        (answer,) = outputs[FFA_BYTES].string_val
    except (KeyError, ValueError) as error:
        raise unexpected(server) from error
    return answer


def call_grpc(
    server: str,
    model_name: str,
    endpoint: str,
    inputs: Mapping[str, tensor_pb2.TensorProto],
    timeout: float,
    ca_certificate: str = "",
) -> Mapping[str, tensor_pb2.TensorProto]:
    """Call an endpoint of a model.

    Args:
        server: `grpc://HOST:PORT`, or `grpcs://HOST:PORT` with TLS.
        model_name: as the server knows it.
        endpoint: name of the signature.
        inputs: tensors by name.
        timeout: seconds to wait for the server.
        ca_certificate: PEM file of who vouches for the server.

    Returns:
        The answer's tensors by name.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    request = predict_pb2.PredictRequest(inputs=inputs)
    request.model_spec.name = model_name
    request.model_spec.signature_name = endpoint
    options = [
        ("grpc.max_receive_message_length", MOST_BYTES),
        ("grpc.max_send_message_length", MOST_BYTES),
    ]
    with _channel(server, ca_certificate, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            return stub.Predict(request, timeout=timeout).outputs
        except grpc.RpcError as error:
            code = error.code()
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise late(server, timeout) from error
            if code is grpc.StatusCode.UNAVAILABLE:
                if "CERTIFICATE" in str(error.details()).upper():
                    raise untrusted(server) from error
                raise absent(server) from error
            raise refused(server, error.details()) from error


def _channel(
    server: str, ca_certificate: str, options: list[tuple[str, int]]
) -> grpc.Channel:
    scheme, _, address = server.partition("://")
    if scheme == "grpc":
        return grpc.insecure_channel(address, options)
    authority = Path(ca_certificate).read_bytes() if ca_certificate else None
    credentials = grpc.ssl_channel_credentials(authority)
    return grpc.secure_channel(address, credentials, options)
