r"""Have a photograph translated by TensorFlow Serving.

    python -m export.client --server=http://localhost:8501 --input=eye.tif \
      --output=eye_ffa.png

`http://` and `https://` speak REST, `grpc://` and `grpcs://` gRPC; those with
an s are encrypted, and the server has to show a certificate. The photograph is
sent as an 8-bit PNG image, upright and without the metadata of its file.
"""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.quiet import import_quietly

from .serving.server import Server

_SERVER = flags.DEFINE_string(
    "server", None, "https://HOST:8501, grpcs://HOST:8500.", required=True
)
_CA_CERTIFICATE = flags.DEFINE_string(
    "ca_certificate",
    "",
    "PEM file of who vouches for the server; the usual ones if empty.",
)
_INPUT = flags.DEFINE_string("input", None, "Photograph.", required=True)
_FRAME = flags.DEFINE_integer(
    "frame", None, "Of a DICOM photograph of several, from 1.", 1
)
_OUTPUT = flags.DEFINE_string("output", None, "PNG file.", required=True)
_MODEL_NAME = flags.DEFINE_string("model_name", "ffa", "As in models.config.")
_TIMEOUT = flags.DEFINE_float("timeout", 60.0, "Seconds to wait.", 0.001)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace the output.")


def main(images: ModuleType) -> None:
    """Send one photograph and write the answer."""
    output = Path(_OUTPUT.value)
    _check_output(output)
    server = Server(
        _SERVER.value,
        _MODEL_NAME.value,
        _TIMEOUT.value,
        _CA_CERTIFICATE.value,
    )
    translate = _way_to(server)
    fundus = images.read_fundus(_INPUT.value, frame=_FRAME.value)
    png = translate(server, images.encode_png(fundus))
    if not png.startswith(b"\x89PNG\r\n\x1a\n"):
        raise server.unexpected()
    with replacing(output, exclusive=not _OVERWRITE.value) as temporary:
        temporary.write_bytes(png)


def _check_output(output: Path) -> None:
    if output.is_dir():
        raise InputError(f"--output={output}: is a folder; name a PNG file")
    if output.exists() and output.samefile(_INPUT.value):
        raise InputError(f"--output={output}: is the photograph; name another")
    if output.exists() and not _OVERWRITE.value:
        raise InputError(f"--output={output}: exists; add --overwrite")


def _way_to(server: Server) -> Callable[[Server, bytes], bytes]:
    """Return the function that speaks the server's protocol."""
    scheme = server.address.partition("://")[0]
    certificate = server.ca_certificate
    if certificate and scheme not in ("https", "grpcs"):
        raise InputError(
            f"--server={server.address}: is not encrypted, --ca_certificate is"
            " for https:// and grpcs://"
        )
    if certificate and not Path(certificate).is_file():
        raise InputError(f"--ca_certificate={certificate}: no such file")
    if scheme in ("http", "https"):
        from .serving.rest_client import translate_by_rest

        return translate_by_rest
    if scheme not in ("grpc", "grpcs"):
        raise InputError(
            f"--server={server.address}: start it with http://, https://,"
            " grpc:// or grpcs://"
        )
    try:
        (grpc,) = import_quietly(f"{__package__}.serving.grpc_client")
    except ImportError as error:
        raise InputError(
            f"--server={server.address}: needs tensorflow-serving-api; pip"
            " install 'ffa_keras[serving]'"
        ) from error
    return grpc.translate_by_grpc


if __name__ == "__main__":
    cli.run(main, "ffa_keras.images.files")
