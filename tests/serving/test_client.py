"""The clients against a stand-in for TensorFlow Serving."""

import shutil
import socket
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from export.serving.rest_client import call_rest, translate_by_rest
from export.serving.server import Server
from export.signatures import ExportedGenerator
from ffa_keras.errors import InputError
from ffa_keras.images.files import encode_png, write_png
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.translation.whole import translate

apis = pytest.importorskip(
    "tensorflow_serving", reason="needs ffa_keras[serving]"
)
grpc_client = pytest.importorskip("export.serving.grpc_client")
pytestmark = [pytest.mark.serving, pytest.mark.slow]
FUNDUS = make_pair(1, "normal", 128).fundus[:97, :110]
WAYS = {"http": translate_by_rest, "grpc": grpc_client.translate_by_grpc}


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=4, num_blocks=1)
    generator.build((None, None, None, 3))
    return generator


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate of this machine; its key is beside it."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-subj", "/CN=localhost", "-addext",
            "subjectAltName=IP:127.0.0.1", "-days", "2",
            "-keyout", file.with_name("key.pem"), "-out", file,
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return file


@pytest.fixture(scope="module")
def servers(generator, certificate, tmp_path_factory):
    """Addresses of the stand-in by scheme; it never sees our code."""
    folder = tmp_path_factory.mktemp("model")
    module = ExportedGenerator(generator)
    tf.saved_model.save(module, str(folder), module.signatures)
    place = str(next(iter(apis.__path__))).removesuffix("tensorflow_serving")
    code = Path(__file__).with_name("stand_in_server.py")
    run = f"import sys, runpy; sys.path.append({place!r});"
    key = certificate.with_name("key.pem")
    run += f" sys.argv = ['', {str(folder)!r}, 'eyes', {str(certificate)!r},"
    run += f" {str(key)!r}];"
    run += f" runpy.run_path({str(code)!r}, run_name='__main__')"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", run],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, cwd=folder,
    )  # fmt: skip
    schemes = ("http", "https", "grpc", "grpcs")
    ports = process.stdout.readline().split()
    yield {
        scheme: f"{scheme}://127.0.0.1:{port}"
        for scheme, port in zip(schemes, ports, strict=True)
    }
    process.stdin.close()
    process.wait(60)


@pytest.fixture(params=WAYS)
def ask(request, servers):
    """Translate through one of the two APIs."""

    def ask(content, model_name="eyes", timeout=60, address=""):
        address = address or servers[request.param]
        server = Server(address, model_name, timeout)
        return WAYS[request.param](server, content)

    ask.scheme = request.param
    return ask


def test_a_good_request_is_answered_as_keras_answers(ask, generator):
    answer = ask(encode_png(FUNDUS))
    picture = cv2.imdecode(np.frombuffer(answer, np.uint8), -1)
    expected = translate(generator, FUNDUS)[..., 0]
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(int) - expected).max() <= 1
    assert b"not for clinical use" in answer


SECURE = {"https": "http", "grpcs": "grpc"}


@pytest.mark.parametrize("scheme", SECURE)
def test_a_photograph_travels_encrypted(servers, certificate, scheme):
    png = encode_png(FUNDUS)
    plain = SECURE[scheme]
    safe = Server(servers[scheme], "eyes", ca_certificate=str(certificate))
    bare = Server(servers[plain], "eyes")
    assert WAYS[plain](safe, png) == WAYS[plain](bare, png)


@pytest.mark.parametrize("scheme", SECURE)
def test_a_server_that_nobody_vouches_for_gets_no_photograph(servers, scheme):
    with pytest.raises(InputError, match="not trusted.*--ca_certificate"):
        server = Server(servers[scheme], "eyes")
        WAYS[SECURE[scheme]](server, encode_png(FUNDUS))


def _claiming(width, height):
    """A PNG file of 33 bytes that claims a size."""
    head = struct.pack(">4sIIBBBBB", b"IHDR", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13)
    return start + head + struct.pack(">I", zlib.crc32(head))


@pytest.mark.parametrize(
    "content, words",
    [
        (_claiming(50_000, 50_000), r"refused: too large: at most 4194304"),
        (_claiming(2**31 - 1, 2**31 - 1), r"refused: too large"),
        (b"no image", r"refused: .*[Uu]nknown image file format"),
        (encode_png(FUNDUS)[:500], r"refused: damaged"),
    ],
    ids=["large", "largest", "text", "cut"],
)
def test_what_the_model_refuses_is_told_in_its_words(ask, content, words):
    with pytest.raises(InputError, match=words) as caught:
        ask(content)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_unknown_model_is_named(ask):
    with pytest.raises(InputError, match=r"refused: Servable not.*\(ears\)"):
        ask(encode_png(FUNDUS), "ears")


def test_a_server_that_is_gone_is_said_to_be(ask):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"{ask.scheme}://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(InputError, match="no server answers there"):
            ask(b"", address=address)


def test_a_server_that_says_nothing_meets_the_deadline(ask):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"{ask.scheme}://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match=r"no answer within 0\.5 s"):
            ask(b"", timeout=0.5, address=address)


def test_a_stranger_is_recognised():
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer():
            connection, _ = stranger.accept()
            connection.recv(2**16)
            connection.sendall(
                b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
            )
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        address = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises(InputError, match="not an answer of this model"):
            translate_by_rest(Server(address, "eyes", 10), b"")


@pytest.mark.parametrize(
    "instances, words",
    [
        ([{"b64": "not base64!"}], "refused: JSON Value.*base64"),
        ([[1, 2, 3]], "refused: .*shape"),
    ],
)
def test_wrong_values_are_refused_over_rest(servers, instances, words):
    body = {"signature_name": "encoded", "instances": instances}
    with pytest.raises(InputError, match=words):
        call_rest(Server(servers["http"], "eyes"), body)


@pytest.mark.parametrize("shape", [(1, 20, 20, 4), (20, 20, 3), (1, 9, 0, 3)])
def test_wrong_shapes_are_refused_over_grpc(servers, shape):
    fundus = tf.make_tensor_proto(np.zeros(shape, np.float32))
    with pytest.raises(InputError, match="refused: "):
        server = Server(servers["grpc"], "eyes")
        grpc_client.call_grpc(server, "serving_default", {"fundus": fundus})


def test_too_large_a_batch_is_refused_over_grpc(servers):
    # One value that is said to fill a batch: a short request, a large tensor.
    fundus = tf.make_tensor_proto(0.0, tf.float32, (2, 1449, 1448, 3))
    with pytest.raises(InputError, match="refused: too large: at most 4194304"):
        server = Server(servers["grpc"], "eyes")
        grpc_client.call_grpc(server, "serving_default", {"fundus": fundus})


@pytest.mark.parametrize("scheme", WAYS)
def test_the_program_writes_the_answer_and_nothing_else(
    servers, run_program, tmp_path, scheme
):
    deep = FUNDUS.astype(np.uint16)[..., ::-1] * 257
    cv2.imwrite(str(tmp_path / "eye.tif"), deep)
    arguments = (
        "-m", "export.client", f"--server={servers[scheme]}",
        "--model_name=eyes", f"--input={tmp_path / 'eye.tif'}",
        f"--output={tmp_path / 'ffa.png'}",
    )  # fmt: skip
    assert not run_program(*arguments).stderr, "start-up noise"
    assert cv2.imread(str(tmp_path / "ffa.png"), -1).shape == FUNDUS.shape[:2]
    again = run_program(*arguments, check=False)
    assert again.returncode == 2
    (line,) = again.stderr.splitlines()
    assert line.endswith("exists; add --overwrite")


@pytest.mark.dicom
def test_a_frame_of_a_dicom_photograph_is_sent(servers, run_program, tmp_path):
    pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")
    from tests.dicom_files import content, ophthalmic

    frames = np.stack([FUNDUS[..., 0], FUNDUS[..., 1]])
    (tmp_path / "eye").write_bytes(content(ophthalmic(frames, "RED")))
    arguments = (
        "-m", "export.client", f"--server={servers['http']}",
        "--model_name=eyes", f"--input={tmp_path / 'eye'}",
        f"--output={tmp_path / 'ffa.png'}",
    )  # fmt: skip
    unsaid = run_program(*arguments, check=False)
    assert "holds 2 frames; say which one" in unsaid.stderr
    run_program(*arguments, "--frame=2")
    assert cv2.imread(str(tmp_path / "ffa.png"), -1).shape == FUNDUS.shape[:2]


def test_an_address_without_a_scheme_is_refused(run_program, tmp_path):
    write_png(tmp_path / "eye.png", FUNDUS)
    refused = run_program(
        "-m", "export.client", "--server=localhost:8501",
        f"--input={tmp_path / 'eye.png'}", f"--output={tmp_path / 'ffa.png'}",
        check=False,
    )  # fmt: skip
    assert refused.stderr.splitlines()[-1] == (
        "error: --server=localhost:8501: start it with http://, https://,"
        " grpc:// or grpcs://"
    )


@pytest.mark.parametrize(
    "output, words",
    [
        ("folder", "is a folder; name a PNG file"),
        ("eye.png", "is the photograph; name another"),
        ("link.png", "is the photograph; name another"),
    ],
)
def test_the_answer_replaces_neither_folder_nor_photograph(
    run_program, tmp_path, output, words
):
    write_png(tmp_path / "eye.png", FUNDUS)
    (tmp_path / "link.png").symlink_to(tmp_path / "eye.png")
    (tmp_path / "folder").mkdir()
    before = (tmp_path / "eye.png").read_bytes()
    refused = run_program(
        "-m", "export.client", "--server=http://localhost:8501", "--overwrite",
        f"--input={tmp_path / 'eye.png'}", f"--output={tmp_path / output}",
        check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].endswith(words)
    assert (tmp_path / "eye.png").read_bytes() == before
