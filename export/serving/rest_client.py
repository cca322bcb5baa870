"""Requests to TensorFlow Serving over REST."""

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request

from ffa_keras.errors import InputError

from ..endpoints import ENCODED
from .replies import (
    MOST_BYTES,
    absent,
    late,
    refused,
    unexpected,
    untrusted,
)


def translate_by_rest(
    server: str,
    model_name: str,
    png: bytes,
    timeout: float,
    ca_certificate: str = "",
) -> bytes:
    """Have an image file translated over REST.

    Args:
        server: `http://HOST:PORT` or `https://HOST:PORT`.
        model_name: as the server knows it.
        png: the image file.
        timeout: seconds to wait for the server.
        ca_certificate: PEM file of who vouches for the server.

    Returns:
        The PNG file of the answer.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    instance = {"b64": base64.b64encode(png).decode()}
    answer = call_rest(
        server,
        model_name,
        {"signature_name": ENCODED, "instances": [instance]},
        timeout,
        ca_certificate,
    )
    try:
        (prediction,) = answer["predictions"]
        return base64.b64decode(prediction["b64"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise unexpected(server) from error


def call_rest(
    server: str,
    model_name: str,
    body: dict,
    timeout: float,
    ca_certificate: str = "",
) -> dict:
    """Send the JSON body of a `:predict` request and return the answer's.

    Args:
        server: `http://HOST:PORT` or `https://HOST:PORT`.
        model_name: as the server knows it.
        body: as TensorFlow Serving's REST API defines it.
        timeout: seconds to wait for the server.
        ca_certificate: PEM file of who vouches for the server.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    context = ssl.create_default_context(cafile=ca_certificate or None)
    request = urllib.request.Request(
        f"{server.rstrip('/')}/v1/models/{model_name}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(
            request, timeout=timeout, context=context
        ) as reply:
            content = reply.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise _refused(server, error.code, error.read(MOST_BYTES)) from error
    except TimeoutError as error:
        raise late(server, timeout) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise late(server, timeout) from error
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise untrusted(server) from error
        raise absent(server) from error
    except (OSError, http.client.HTTPException) as error:
        raise absent(server) from error
    if len(content) > MOST_BYTES:
        raise unexpected(server)
    try:
        return json.loads(content)
    except ValueError as error:
        raise unexpected(server) from error


def _refused(server: str, code: int, content: bytes) -> InputError:
    try:
        words = str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        words = f"HTTP status {code}"
    return refused(server, words)
