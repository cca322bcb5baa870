"""Requests to TensorFlow Serving over REST."""

import base64
import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from ..endpoints import ENCODED
from .server import MOST_BYTES, Server


def translate_by_rest(server: Server, png: bytes) -> bytes:
    """Have an image file translated over REST.

    Args:
        server: which, at `http://` or `https://`.
        png: the image file.

    Returns:
        The PNG file of the answer.

    Raises:
        InputError: no answer in time, or a refusal, in the server's words.
    """
    instance = {"b64": base64.b64encode(png).decode()}
    body = {"signature_name": ENCODED, "instances": [instance]}
    answer = call_rest(server, body)
    try:
        (prediction,) = answer["predictions"]
        return base64.b64decode(prediction["b64"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise server.unexpected() from error


def call_rest(server: Server, body: dict[str, Any]) -> dict[str, Any]:
    """Send the JSON body of a `:predict` request and return the answer's.

    Args:
        server: as of `translate_by_rest`.
        body: as TensorFlow Serving's REST API defines it.

    Raises:
        InputError: as of `translate_by_rest`.
    """
    context = ssl.create_default_context(cafile=server.ca_certificate or None)
    address = server.address.rstrip("/")
    request = urllib.request.Request(
        f"{address}/v1/models/{server.model_name}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(
            request, timeout=server.timeout, context=context
        ) as reply:
            content = reply.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        words = _reason(error.code, error.read(MOST_BYTES))
        raise server.refused(words) from error
    except TimeoutError as error:
        raise server.late() from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise server.late() from error
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise server.untrusted() from error
        raise server.absent() from error
    except (OSError, http.client.HTTPException) as error:
        raise server.absent() from error
    if len(content) > MOST_BYTES:
        raise server.unexpected()
    try:
        return json.loads(content)
    except ValueError as error:
        raise server.unexpected() from error


def _reason(code: int, content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {code}"
