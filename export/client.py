r"""Have a photograph translated by TensorFlow Serving.

    python -m export.client --server=http://localhost:8501 --input=eye.tif \
      --output=eye_ffa.png

`http://` and `https://` speak REST, `grpc://` speaks gRPC. The photograph is
sent as an 8-bit PNG image, upright and without the metadata of its file.
"""

from collections.abc import Callable
from pathlib import Path

from absl import flags

from export.replies import unexpected
from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.files import replacing

_SERVER = flags.DEFINE_string(
    "server", None, "http://HOST:8501 or grpc://HOST:8500.", required=True
)
_INPUT = flags.DEFINE_string("input", None, "Photograph.", required=True)
_OUTPUT = flags.DEFINE_string("output", None, "PNG file.", required=True)
_MODEL_NAME = flags.DEFINE_string("model_name", "ffa", "As in models.config.")
_TIMEOUT = flags.DEFINE_float("timeout", 60.0, "Seconds to wait.", 0.001)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the output.")


def main() -> None:
    """Send one photograph and write the answer."""
    from ffa_keras.data.images import encode_png, read_fundus

    output = Path(_OUTPUT.value)
    if output.exists() and not _OVERWRITE.value:
        raise InputError(f"--output={output}: exists; add --overwrite")
    translate = _way_to(_SERVER.value)
    png = translate(
        _SERVER.value,
        _MODEL_NAME.value,
        encode_png(read_fundus(_INPUT.value)),
        _TIMEOUT.value,
    )
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise unexpected(_SERVER.value)
    with replacing(output) as temporary:
        temporary.write_bytes(png)


def _way_to(server: str) -> Callable[[str, str, bytes, float], bytes]:
    """Return the function that speaks the server's protocol."""
    scheme = server.partition("://")[0]
    if scheme in ("http", "https"):
        from export.rest_client import translate_by_rest

        return translate_by_rest
    if scheme != "grpc":
        raise InputError(
            f"--server={server}: start it with http://, https:// or grpc://"
        )
    try:
        from export.grpc_client import translate_by_grpc
    except ImportError as error:
        raise InputError(
            f"--server={server}: needs tensorflow-serving-api; pip install"
            " 'ffa_keras[serving]'"
        ) from error
    return translate_by_grpc


if __name__ == "__main__":
    cli.run(main)
