"""Faults of disks and hostile files: images, models, weights and flags.

The id of a case is "kind: what is done". Nothing may be lost or half-written,
nothing run, hang or be taken for what it is not, and what is refused is
refused in words.
"""

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import cv2
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from export import metadata
from export.signatures import ExportedGenerator
from export.to_saved_model import export_saved_model
from export.to_tflite import export_tflite
from ffa_keras.errors import InputError, describe
from ffa_keras.files import replacing, write_text
from ffa_keras.images.files import read_fundus, write_png
from ffa_keras.inference.translators import load_translator
from ffa_keras.losses import PerceptualLoss
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.sums import check_sums

ROOT = Path(__file__).parents[2]
FUNDUS = make_pair(1, "normal", 128).fundus


def _cases(kind, rows):
    """Parameters of a test, a row each, with the ids that are counted."""
    return [pytest.param(row, id=f"{kind}: {row}") for row in rows]


def _pillow(kind, image=FUNDUS, **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


# Disks.


def _saved_model(run_dir, folder):
    return export_saved_model(run_dir, folder / "models")


def _tflite(run_dir, folder):
    return export_tflite(run_dir, folder / "a.tflite", dataset_dir="nowhere")


WRITERS = {
    "a SavedModel": _saved_model,
    "a TFLite file": _tflite,
    "a text": lambda _, folder: write_text(folder / "a.txt", 10**6 * "x"),
    "a picture": lambda _, folder: write_png(
        folder / "a.png",
        np.random.default_rng(0).integers(0, 255, (500, 500), np.uint8),
    ),
}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A run folder with nothing but a tiny generator."""
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=4, num_blocks=1)
    generator.build((None, None, None, 3))
    folder = tmp_path_factory.mktemp("run")
    generator.save(folder / "generator.keras")
    return folder


@pytest.fixture
def disk(tmp_path):
    """Mount a disk of 40 kB, read-only if asked for."""

    def mount(*options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs"]
        done = subprocess.run([*command, tmp_path], capture_output=True)
        if done.returncode:
            pytest.skip("mounting a small disk needs the right to mount")
        return tmp_path

    yield mount
    subprocess.run(["umount", tmp_path], capture_output=True)


def _words(error):
    """What a program would print, which must be words."""
    words = str(error) if isinstance(error, InputError) else describe(error)
    assert words and "\n" not in words, error
    assert ".writing-" not in words
    return words


@pytest.mark.slow
@pytest.mark.parametrize("row", _cases("full disk", WRITERS))
def test_a_full_disk_is_a_line_and_leaves_nothing(run_dir, disk, row):
    folder = disk("size=40k")
    with pytest.raises(Exception) as caught:
        WRITERS[row](run_dir, folder)
    assert "make room" in _words(caught.value)
    assert not [p for p in folder.rglob("*") if p.name != "models"]


@pytest.mark.slow
@pytest.mark.parametrize("row", _cases("read-only", WRITERS))
def test_a_read_only_disk_is_a_line(run_dir, disk, row):
    folder = disk("size=40k", "ro")
    with pytest.raises(Exception) as caught:
        WRITERS[row](run_dir, folder)
    assert "name a place that can be written" in _words(caught.value)


_RACE = """
import sys
from pathlib import Path
from ffa_keras.errors import InputError
from ffa_keras.files import replacing
path, kind, content = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with replacing(path, exclusive=True) as temporary:
    file = temporary
    if kind == "folder":
        temporary.mkdir()
        file = temporary / "a.txt"
    file.write_text(content)
    print("written", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("row", _cases("two at once", ["file", "folder"]))
def test_of_two_writers_one_is_refused(tmp_path, row):
    path = tmp_path / "1"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, path, row, content],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for content in ("first", "second")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "written\n"
    errors = [writer.communicate("\n")[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 1]
    assert "exists and is never replaced" in errors[1]
    file = path / "a.txt" if row == "folder" else path
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def _write_folder(path):
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "report.json").write_text("{}")


def _with_thesis(path):
    _write_folder(path)
    (path / "thesis.tex").write_text("the user's")
    return lambda: _write_folder(path)


def _foreign(path):
    path.mkdir()
    (path / "report.json").write_text("the user's")
    return lambda: _write_folder(path)


def _edited(path):
    _write_folder(path)
    (path / "report.json").write_text("the user's")
    return lambda: _write_folder(path)


def _file_over_folder(path):
    _with_thesis(path)
    return lambda: write_text(path, "answer")


def _folder_over_file(path):
    path.write_text("the user's")
    return lambda: _write_folder(path)


def _nothing_written(path):
    _write_folder(path)

    def replace():
        with replacing(path):
            raise InputError("no room")

    return replace


OVERWRITING = {
    "a folder of ours with a file of the user's": _with_thesis,
    "a folder that only looks like ours": _foreign,
    "a folder whose file was edited": _edited,
    "a file in place of a folder": _file_over_folder,
    "a folder in place of a file": _folder_over_file,
    "a folder whose successor failed": _nothing_written,
}


@pytest.mark.parametrize("row", _cases("rename and overwrite", OVERWRITING))
def test_nothing_of_the_user_is_replaced(tmp_path, row):
    def content():
        return {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    replace = OVERWRITING[row](tmp_path / "answer")
    before = content()
    with pytest.raises(InputError):
        replace()
    assert content() == before


# Images.


def _chunk(kind, content, claim=None):
    length = struct.pack(">I", len(content) if claim is None else claim)
    check = struct.pack(">I", zlib.crc32(kind + content))
    return length + kind + content + check


def _png(*chunks, image=FUNDUS):
    """A PNG file with more chunks before its pixels."""
    data = _pillow("PNG", image)
    at = data.index(b"IDAT") - 4
    return data[:at] + b"".join(chunks) + data[at:]


def _png_claiming(width, height, bits=8):
    head = struct.pack(">IIBBBBB", width, height, bits, 6, 0, 0, 0)
    pixels = _chunk(b"IDAT", zlib.compress(bytes(64)))
    start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head)
    return start + pixels + _chunk(b"IEND", b"")


def _jpeg_of_scans(count):
    data = _pillow("JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    return data[:at] + count * data[at:-2] + data[-2:]


def _jpeg_claiming(width, height):
    data = _pillow("JPEG", FUNDUS[:16, :16])
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _tiff_claiming(width, height, kind, count=None):
    image = np.zeros((16, 16, 4), kind)
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 8]
    data = bytearray(cv2.imencode(".tif", image, options)[1].tobytes())
    (start,) = struct.unpack_from("<I", data, 4)
    for at in range(start + 2, start + 40, 12):
        (tag,) = struct.unpack_from("<H", data, at)
        if tag in (256, 257):
            struct.pack_into(
                "<HII", data, at + 2, 4, 1, (width, height)[tag % 2]
            )
        elif tag == 258 and count:
            struct.pack_into("<I", data, at + 4, count)
    return bytes(data)


def _encoded(suffix):
    return cv2.imencode(suffix, FUNDUS)[1].tobytes()


ZEROS = zlib.compress(bytes(2**28), 9)
BOMBS = {
    "JPEG of 20,000 scans": lambda: _jpeg_of_scans(20_000),
    "JPEG of 1,000 scans": lambda: _jpeg_of_scans(1_000),
    "JPEG of 700 bytes that claims 133 megapixels": lambda: _jpeg_claiming(
        11_500, 11_600
    ),
    "JPEG that claims 4 gigapixels": lambda: _jpeg_claiming(65_500, 65_500),
    "TIFF of 16-bit RGBA, 1 GB": lambda: _tiff_claiming(
        11_500, 11_600, np.uint16
    ),
    "TIFF of floats, 2 GB": lambda: _tiff_claiming(11_500, 11_600, np.float32),
    "TIFF of 2^31 pixels a side": lambda: _tiff_claiming(
        2**31 - 1, 2**31 - 1, np.uint8
    ),
    "TIFF tag of 2^31 values": lambda: _tiff_claiming(
        16, 16, np.uint8, 2**31 - 1
    ),
    "PNG that claims 4 gigapixels": lambda: _png_claiming(60_000, 60_000),
    "PNG of 16-bit RGBA, 1 GB": lambda: _png_claiming(11_500, 11_600, 16),
    "PNG chunk of 2 GB": lambda: _png(_chunk(b"tEXt", b"a\0b", 2**31 - 1)),
    "PNG zTXt of 2 GB": lambda: _png(_chunk(b"zTXt", b"a\0\0", 2**31 - 1)),
    "BMP that claims 4 gigapixels": lambda: (
        b"BM" + bytes(12) + struct.pack("<Iii", 40, 60_000, -60_000) + bytes(40)
    ),
    "GIF that claims 4 gigapixels": lambda: (
        b"GIF89a" + struct.pack("<HH", 65_500, 65_500) + bytes(40)
    ),
    "WebP": lambda: _encoded(".webp"),
    "JPEG 2000": lambda: _encoded(".jp2"),
    "PPM": lambda: _encoded(".ppm"),
    "text": lambda: b"no image",
}
# What unpacks to much, but not into what is kept.
HARMLESS = {
    "PNG zTXt that unpacks to 256 MB": lambda: _png(
        _chunk(b"zTXt", b"a\0\0" + ZEROS)
    ),
    "PNG iCCP that unpacks to 256 MB": lambda: _png(
        _chunk(b"iCCP", b"a\0\0" + ZEROS)
    ),
    "JPEG of 10 scans": lambda: _pillow("JPEG", progressive=True),
}

_READ_EACH = """
import json, resource, sys, time
from ffa_keras import cli
from ffa_keras.images.files import read_fundus
from ffa_keras.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30,) * 2)
for path in sys.argv[1:]:
    start = time.monotonic()
    try:
        outcome = str(read_fundus(path).shape)
    except InputError as error:
        outcome = "refused: " + str(error).replace(path, "")
    print(json.dumps([outcome, time.monotonic() - start]), flush=True)
"""


@pytest.fixture(scope="module")
def read_each(tmp_path_factory):
    """Outcome and seconds of each bomb, read in a process of 3 GB."""
    folder = tmp_path_factory.mktemp("bombs")
    bombs = {**BOMBS, **HARMLESS}
    paths = [folder / f"{number}.png" for number in range(len(bombs))]
    for path, make in zip(paths, bombs.values(), strict=True):
        path.write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", _READ_EACH, *paths],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return dict(zip(bombs, lines, strict=True))


@pytest.mark.parametrize("row", _cases("image bombs", {**BOMBS, **HARMLESS}))
def test_no_file_takes_more_than_its_pixels(read_each, row):
    outcome, seconds = read_each[row]
    assert outcome.startswith("refused: ") == (row in BOMBS), outcome
    assert seconds < 10


PHOTOGRAPHS = {
    "jpg": lambda: _pillow("JPEG"),
    "progressive jpg": lambda: _pillow("JPEG", progressive=True),
    "png": lambda: _pillow("PNG"),
    "LZW tif": lambda: _pillow("TIFF", compression="tiff_lzw"),
    "deflate tif": lambda: _pillow("TIFF", compression="tiff_adobe_deflate"),
    "PackBits tif": lambda: _pillow("TIFF", compression="packbits"),
    "JPEG tif": lambda: _pillow("TIFF", compression="jpeg"),
    "raw tif": lambda: _pillow("TIFF"),
    "bmp": lambda: _pillow("BMP"),
    "gif": lambda: _pillow("GIF"),
}


def _without_second_half(data):
    return data[: len(data) // 2]


def _with_end_mark(data):
    return data[: len(data) // 2] + data[-2:]


def _middle_zeroed(data):
    start, end = 3 * len(data) // 8, 5 * len(data) // 8
    return data[:start] + bytes(end - start) + data[end:]


DAMAGE = {
    "second half missing": _without_second_half,
    "second half missing before its end mark": _with_end_mark,
    "middle quarter zeroed": _middle_zeroed,
}
# Bare samples without a sum, where zeros are as good as any; and libtiff does
# not tell of what libjpeg warns.
UNKNOWABLE = [
    f"{kind}, middle quarter zeroed" for kind in ("raw tif", "bmp", "JPEG tif")
]


@pytest.mark.parametrize(
    "row",
    _cases(
        "damaged photographs",
        [
            row
            for kind in PHOTOGRAPHS
            for damage in DAMAGE
            if (row := f"{kind}, {damage}") not in UNKNOWABLE
        ],
    ),
)
def test_a_damaged_photograph_is_refused(tmp_path, row, capfd):
    kind, damage = row.split(", ")
    path = tmp_path / "eye"
    path.write_bytes(PHOTOGRAPHS[kind]())
    assert read_fundus(path).shape == FUNDUS.shape
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(InputError, match=r"eye: .*(copy it again|not a read)"):
        read_fundus(path)
    assert not capfd.readouterr().err


# The served model.

SERVED = {
    "PNG": (_png, True),
    "GIF": (lambda: _pillow("GIF"), True),
    "progressive JPEG": (PHOTOGRAPHS["progressive jpg"], True),
    "16x16 pixels": (lambda: _png(image=FUNDUS[:16, :16]), True),
    "15x128 pixels": (lambda: _png(image=FUNDUS[:15]), False),
    "8x8 pixels": (lambda: _png(image=FUNDUS[:8, :8]), False),
    "zTXt of 2 GB": (BOMBS["PNG zTXt of 2 GB"], False),
    "chunk of 2 GB": (BOMBS["PNG chunk of 2 GB"], False),
    "zTXt of 4 GB": (lambda: _png(_chunk(b"zTXt", b"", 2**32 - 1)), False),
    "zTXt that unpacks to 256 MB": (
        HARMLESS["PNG zTXt that unpacks to 256 MB"],
        True,
    ),
    "200,000 empty chunks": (
        lambda: _png(200_000 * _chunk(b"teSt", b"")),
        False,
    ),
    "PNG without its end": (lambda: _png()[:-20], False),
    "JPEG of 1,000 scans": (BOMBS["JPEG of 1,000 scans"], False),
    "JPEG of 133 megapixels": (lambda: _jpeg_claiming(11_500, 11_600), False),
    "PNG of 4 gigapixels": (BOMBS["PNG that claims 4 gigapixels"], False),
    "BMP of 4 gigapixels": (BOMBS["BMP that claims 4 gigapixels"], False),
    "GIF of 4 gigapixels": (BOMBS["GIF that claims 4 gigapixels"], False),
    "half a PNG signature": (lambda: b"\x89PNG", False),
    "text": (lambda: b"no image", False),
    "nothing": (lambda: b"", False),
}


@pytest.fixture(scope="module")
def served():
    generator = ResnetGenerator(num_filters=2, num_blocks=1)
    generator.build((None, None, None, 3))
    return ExportedGenerator(generator)


@pytest.mark.parametrize("row", _cases("encoded endpoint", SERVED))
def test_the_served_model_takes_no_more_than_its_pixels(served, row):
    make, answered = SERVED[row]
    content = tf.constant([make()])
    if answered:
        answer = served.encoded(content)["ffa_bytes"][0].numpy()
        assert answer.startswith(b"\x89PNG")
        return
    with pytest.raises(tf.errors.InvalidArgumentError):
        served.encoded(content)


# Models and weights.


class _Harm:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def _pickled(path):
    path.write_bytes(pickle.dumps(_Harm(path.with_name("was here"))))


def _pickled_arrays(path):
    harm = np.array(_Harm(path.with_name("was here")), object)
    np.savez(path, block1_conv1__kernel=harm)


def _sparse(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("block1_conv1/kernel", (2**17, 2**17))


def _linked(path):
    with h5py.File(path, "w") as file:
        file["block1_conv1"] = h5py.ExternalLink("/etc/passwd", "/")


def _lambda(path):
    mark = str(path.with_name("was here"))
    model = keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.Lambda(lambda x: x)]
    )
    model.save(path)
    _edit_config(path, "keras.layers", "os", mark)


def _foreign_class(path):
    _lambda(path)
    _edit_config(path, '"Lambda"', '"system"', "")


def _edit_config(path, old, new, _):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = parts["config.json"].decode()
    parts["config.json"] = config.replace(old, new).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


MODELS = {
    "weights.npz, a pickle": _pickled,
    "weights.npz, arrays of pickles": _pickled_arrays,
    "weights.npz, empty": Path.touch,
    "weights.npz, text": lambda path: path.write_text("no weights"),
    "weights.h5, empty": Path.touch,
    "weights.h5, text": lambda path: path.write_text("no weights"),
    "weights.h5, 64 GB of nothing": _sparse,
    "weights.h5, a link to another file": _linked,
    "model.keras, a Lambda layer": _lambda,
    "model.keras, a class of os": _foreign_class,
    "model.keras, a pickle": _pickled,
    "model.keras, empty": Path.touch,
    "model.keras, text": lambda path: path.write_text("no model"),
}


@pytest.mark.parametrize("row", _cases("models and weights", MODELS))
def test_no_model_or_weights_run_code(tmp_path, row):
    name = row.split(",")[0]
    MODELS[row](tmp_path / name)
    load = load_translator if name == "model.keras" else PerceptualLoss
    with pytest.raises(InputError, match=name):
        load(str(tmp_path / name))
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Bytes that stand for a model, with the archive that follows one."""
    file = tmp_path_factory.mktemp("tflite") / "a.tflite"
    file.write_bytes(np.random.default_rng(0).bytes(20_000))
    metadata.add_metadata(file, metadata.describe("none", "float32", 0))
    return file.read_bytes()


@pytest.mark.parametrize("row", _cases("damaged TFLite", range(400)))
def test_a_damaged_tflite_file_is_noticed(labelled, tmp_path, row):
    """Or the damage is behind the model, which is whole."""
    rng = np.random.default_rng(row)
    data = bytearray(labelled)
    start = int(rng.integers(len(data)))
    if row % 4 == 0:
        data = data[:start]
    elif row % 4 == 1:
        data[start : start + 1000] = bytes(len(data[start : start + 1000]))
    else:
        for at in rng.integers(len(data), size=row % 7 + 1):
            data[at] ^= 1 << int(rng.integers(8))
    (tmp_path / "a.tflite").write_bytes(data)
    try:
        check_sums(tmp_path / "a.tflite")
    except InputError:
        return
    whole = data[:20_000] == labelled[:20_000]
    # Without any of its archive it is as a file of another program.
    assert whole or b"metadata.json" not in data


# Flags.

FLAGS = {
    "flagfile that is not UTF-8": (b"--model_name=caf\xe9\n", "not UTF-8"),
    "flagfile with a NUL": (b"--model_name=a\0b\n", "more than one line"),
    "flagfile with an unknown flag": (b"--inptu=a\n", "inptu"),
    "flagfile with no number": (b"--timeout=soon\n", "timeout"),
    "flagfile with NaN": (b"--timeout=nan\n", "timeout"),
    "flagfile that is a folder": (None, "flagfile"),
    "absent flagfile": ("--flagfile=absent", "absent"),
    "name with a line break": ("--input=a\nb", "more than one line"),
    "name of 5,000 characters": (f"--input={5000 * 'x'}", "too long"),
    "name of odd bytes": (b"--input=\xff.png", "no such file"),
    "argument that is no flag": ("stray", "stray"),
}


@pytest.mark.parametrize("row", _cases("flags", FLAGS))
def test_bad_flags_are_one_line(tmp_path, row):
    flag, words = FLAGS[row]
    if row.startswith("flagfile"):
        file = tmp_path / "flags.cfg"
        if flag:
            file.write_bytes(flag)
        flag = f"--flagfile={file if flag else tmp_path}"
    done = subprocess.run(
        [
            sys.executable, "-m", "export.client", "--server=http://localhost",
            "--input=absent.png", f"--output={tmp_path / 'a.png'}", flag,
        ],
        cwd=ROOT, capture_output=True, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.count(b"\n") == 1
    assert words.encode() in done.stderr
