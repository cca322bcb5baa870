"""Whatever a camera or a viewer writes is translated, or refused in words."""

import csv

import cv2
import numpy as np
import pytest

from ffa_keras.inference.predict import predict
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import load_translator

Image = pytest.importorskip("PIL.Image", reason="Pillow writes these files")

FUNDUS = make_pair(1, "normal", 128).fundus[:90, :100]
DEEP = FUNDUS.astype(np.uint16) * 257


def _pillow(mode, **options):
    def write(path):
        Image.fromarray(FUNDUS).convert(mode).save(path, **options)

    return write


def _opencv(image):
    return lambda path: cv2.imwrite(str(path), image)


def _turned(orientation):
    """The photograph as a camera held sideways stores it."""

    def write(path):
        exif = Image.Exif()
        exif[0x0112] = orientation
        turned = np.rot90(FUNDUS, {3: 2, 6: 1, 8: 3}[orientation])
        Image.fromarray(np.ascontiguousarray(turned)).save(path, exif=exif)

    return write


ALPHA = np.full(FUNDUS.shape[:2], 65535, np.uint16)
SAME_PICTURE = {
    "rgb.png": _pillow("RGB"),
    "rgb.tif": _pillow("RGB"),
    "rgb.bmp": _pillow("RGB"),
    "lzw.tif": _pillow("RGB", compression="tiff_lzw"),
    "rgba.png": _pillow("RGBA"),
    "rgba.tif": _pillow("RGBA"),
    "deep.png": _opencv(DEEP[..., ::-1]),
    "deep.tif": _opencv(DEEP[..., ::-1]),
    "deep_rgba.png": _opencv(np.dstack([DEEP[..., ::-1], ALPHA])),
    "cmyk.tif": _pillow("CMYK"),
    "turned_3.png": _turned(3),
    "turned_6.png": _turned(6),
    "turned_8.png": _turned(8),
}
GREY_PICTURE = {
    "grey.png": _pillow("L"),
    "grey.tif": _pillow("L"),
    "grey.bmp": _pillow("L"),
    "grey_alpha.png": _pillow("LA"),
}
LOSSY_PICTURE = {
    "rgb.jpg": _pillow("RGB", quality=95),
    "cmyk.jpg": _pillow("CMYK", quality=95),
    "turned_6.jpg": _turned(6),
    "palette.png": lambda p: Image.fromarray(FUNDUS).quantize(256).save(p),
}


def _greedy(path):
    """A PNG file with a chunk that claims two gigabytes."""
    png = cv2.imencode(".png", FUNDUS)[1].tobytes()
    at = png.index(b"IDAT") - 4
    path.write_bytes(png[:at] + b"\x7f\xff\xff\x00" + png[at + 4 :])


REFUSED = {
    "greedy.png": (_greedy, "the file is damaged"),
    "float.tif": (_opencv(np.float32(FUNDUS) / 255), "save it with 8 or 16"),
    "integer.tif": (_pillow("I"), "not a readable image"),
    "text.png": (lambda p: p.write_text("no image"), "not a readable image"),
    "empty.tif": (lambda p: p.touch(), "the file is empty"),
}


def _translate(write, name, keras_file, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / name)
    assert predict(str(keras_file), str(folder), str(tmp_path / "out")) == 0
    (answer,) = (tmp_path / "out").glob("*.png")
    picture = cv2.imread(str(answer), cv2.IMREAD_UNCHANGED)
    assert answer.stem == name.split(".")[0]
    assert picture.shape == FUNDUS.shape[:2]
    assert picture.dtype == np.uint8
    return picture.astype(int)


@pytest.fixture(scope="module")
def expected(keras_file):
    translate = load_translator(keras_file)
    grey = np.asarray(Image.fromarray(FUNDUS).convert("L"))
    return {
        "colour": translate(FUNDUS)[..., 0].astype(int),
        "grey": translate(np.dstack([grey] * 3))[..., 0].astype(int),
    }


@pytest.mark.parametrize("name", SAME_PICTURE)
def test_colour_files_give_one_answer(name, keras_file, tmp_path, expected):
    picture = _translate(SAME_PICTURE[name], name, keras_file, tmp_path)
    np.testing.assert_array_equal(picture, expected["colour"])


@pytest.mark.parametrize("name", GREY_PICTURE)
def test_grey_files_are_three_equal_channels(
    name, keras_file, tmp_path, expected
):
    picture = _translate(GREY_PICTURE[name], name, keras_file, tmp_path)
    np.testing.assert_array_equal(picture, expected["grey"])


@pytest.mark.parametrize("name", LOSSY_PICTURE)
def test_lossy_files_give_nearly_that_answer(
    name, keras_file, tmp_path, expected
):
    picture = _translate(LOSSY_PICTURE[name], name, keras_file, tmp_path)
    wrong = expected["colour"][::-1, ::-1]
    error, turned = (
        np.abs(picture - other).mean() for other in (expected["colour"], wrong)
    )
    assert error < turned / 2


@pytest.mark.parametrize("name", REFUSED)
def test_other_files_are_skipped_in_words(name, keras_file, tmp_path, capsys):
    write, message = REFUSED[name]
    folder = tmp_path / "in"
    folder.mkdir()
    write(folder / name)
    assert predict(str(keras_file), str(folder), str(tmp_path / "out")) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"skipped {folder / name}: ")
    assert message in line
    with open(tmp_path / "out/report.csv", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["outcome"] == "skipped"
