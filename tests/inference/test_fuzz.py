"""Damaged files: no crash, no hang, no memory blow-up, one line for each."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ffa_keras.phantom import make_pair

ROOT = Path(__file__).parents[2]
SUFFIXES = (".jpg", ".png", ".tif")

# Reads every file as the program does; the translator is left out, so that
# what is measured is what a file can do. The peak is that of this process.
_READ_ALL = """
import sys
from ffa_keras import cli
import numpy as np
from ffa_keras.inference import predict
predict.load_translator = lambda _: lambda fundus: fundus[..., :1]
predict.fingerprint = lambda *_: "none"
failures = predict.predict("none", sys.argv[1], sys.argv[2])
status = open("/proc/self/status").read()
print("failures", failures)
print("peak", status.split("VmHWM:")[1].split()[0])
"""


def _pictures():
    """Real photographs where they are at hand, else a phantom, by suffix."""
    data = Path(
        os.environ.get("FFA_KERAS_PHOTOGRAPHS", ROOT.parent / "shared/data")
    )
    real = [
        data / "drive/01_test.tif",
        data / "pairs_other/1_fundus.jpg",
        data / "pairs_landmarked/24_fundus.png",
    ]
    if all(path.exists() for path in real):
        return {path.suffix: path.read_bytes() for path in real}
    bgr = make_pair(1, "normal", 512).fundus[..., ::-1]
    return {s: cv2.imencode(s, bgr)[1].tobytes() for s in SUFFIXES}


def _dicom_files():
    """A phantom in every transfer syntax that is read, and a series."""
    pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")
    pytest.importorskip("jpeg_ls", reason="pyjpegls writes some files")
    from tests.dicom_files import ENCODERS, content, ophthalmic

    pair = make_pair(1, "normal", 256)
    ffa = np.ascontiguousarray(pair.ffa[..., 0])
    files = [content(encode(pair.fundus)) for encode, _ in ENCODERS.values()]
    series = ophthalmic(np.stack([ffa, ffa]), "FA")
    files += [content(series), content(ophthalmic(ffa.astype(np.uint16)))]
    return {f"_{number}.dcm": data for number, data in enumerate(files)}


def _claim(rng, content):
    """Write a huge number over the fields that hold the size."""
    data = bytearray(content)
    huge = int(rng.choice([2**31 - 1, 2**20, 60_000, 2**27]))
    if data[128:132] == b"DICM":
        # Rows, columns, samples, bits: all that the size follows from.
        for name in (b"\x10", b"\x11", b"\x02", b"\x00\x01", b"\x01\x01"):
            at = data.find(b"\x28\0" + name.ljust(2, b"\0") + b"US\2\0")
            if at >= 0 and rng.random() < 0.5:
                data[at + 8 : at + 10] = struct.pack("<H", huge % 2**16)
        at = data.find(b"\x28\0\x08\0IS")
        if at >= 0 and rng.random() < 0.5:
            size = int.from_bytes(data[at + 6 : at + 8], "little")
            data[at + 8 : at + 8 + size] = b"9" * size
        return bytes(data)
    if data[:4] == b"\x89PNG":
        at = 16 + 4 * int(rng.integers(2))
        data[at : at + 4] = struct.pack(">I", huge)
    elif data[:2] == b"\xff\xd8":
        at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
        data[at : at + 4] = struct.pack(">HH", 65500, 65500)
    else:
        # Width and height are the tags 256 and 257 of the first directory.
        order = "<" if data[:2] == b"II" else ">"
        (start,) = struct.unpack_from(order + "I", data, 4)
        for entry in range(start + 2, start + 38, 12):
            tag, kind = struct.unpack_from(order + "HH", data, entry)
            if tag in (256, 257):
                form = order + ("H" if kind == 3 else "I")
                most = 65535 if kind == 3 else huge
                struct.pack_into(form, data, entry + 8, most)
    return bytes(data)


def _cut(rng, content):
    return content[: int(rng.integers(1, len(content)))]


def _flip(rng, content):
    """Change single bytes, most of them among the first."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 20))):
        reach = len(data) if rng.random() < 0.3 else min(len(data), 400)
        data[int(rng.integers(reach))] = int(rng.integers(256))
    return bytes(data)


def _zero(rng, content):
    """Blank a stretch."""
    start, stop = sorted(int(n) for n in rng.integers(0, len(content), 2))
    return content[:start] + bytes(stop - start) + content[stop:]


def _graft(rng, content):
    """Give it the head of another kind."""
    heads = (
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"II*\0",
        b"MM\0*",
        b"BM",
    )
    return heads[int(rng.integers(len(heads)))] + content[8:]


def _splice(rng, content):
    """Drop or repeat a stretch."""
    start, stop = sorted(int(n) for n in rng.integers(0, len(content), 2))
    middle = content[start:stop] * int(rng.choice([0, 2]))
    return content[:start] + middle + content[stop:]


MUTATIONS = (_cut, _flip, _flip, _zero, _graft, _splice, _claim)


def _mutate(folder, photographs, count):
    rng = np.random.default_rng(0)
    suffixes = list(photographs)
    for number in range(count):
        suffix = suffixes[number % len(suffixes)]
        mutate = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        content = mutate(rng, photographs[suffix])
        if number < 3:
            content = b""
        (folder / f"{number:03}{suffix}").write_bytes(content)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("photographs", "count"),
    [
        pytest.param(_pictures, 500, id="pictures"),
        pytest.param(_dicom_files, 300, id="DICOM", marks=pytest.mark.dicom),
    ],
)
def test_no_damaged_file_does_more_than_cost_its_own_line(
    tmp_path, photographs, count
):
    folder = tmp_path / "in"
    folder.mkdir()
    _mutate(folder, photographs(), count)
    done = subprocess.run(
        [sys.executable, "-c", _READ_ALL, folder, tmp_path / "out"],
        cwd=ROOT, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    failures, peak = (
        int(re.search(rf"^{name} (\d+)$", done.stdout, re.M)[1])
        for name in ("failures", "peak")
    )
    skipped = re.findall(r"^skipped (.+?): (.+)$", done.stderr, re.M)
    assert len(skipped) == len({name for name, _ in skipped}) == failures
    assert all(reason for _, reason in skipped)
    assert "Geheim" not in done.stderr and "SECRET" not in done.stderr
    answers = list((tmp_path / "out").glob("*.png"))
    assert len(answers) + failures == count
    # Both kinds happen: a few flips leave a picture that decodes strictly.
    assert failures > count / 4
    assert len(answers) >= count / 100
    report = (tmp_path / "out/report.csv").read_text().splitlines()
    assert len(report) == 1 + count
    # TensorFlow alone takes 600 MB; the largest claim is 10^19 bytes.
    assert peak < 3e6, "kB"
