"""DICOM files as cameras and hospitals leave them."""

import logging
import sys
import warnings
import zlib

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import (
    is_image,
    read_ffa,
    read_fundus,
    sample_bits,
)
from ffa_keras.phantom import make_pair

pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")
pytest.importorskip("gdcm", reason="needs ffa_keras[dicom]")
pytest.importorskip("jpeg_ls", reason="pyjpegls writes some of the files")

import pydicom  # noqa: E402
from pydicom import uid  # noqa: E402
from pydicom.data import get_testdata_file  # noqa: E402
from pydicom.pixels import pixel_array  # noqa: E402

from ffa_keras.images.dicom.header import CLASSES, DECODERS, parse  # noqa: E402
from tests.dicom_files import (  # noqa: E402
    ENCODERS,
    PLANTED,
    content,
    ophthalmic,
)

pytestmark = pytest.mark.dicom

PAIR = make_pair(3, "normal", 96)
FUNDUS = np.ascontiguousarray(PAIR.fundus[:80])
FFA = np.ascontiguousarray(PAIR.ffa[:80, :, 0])


@pytest.fixture
def written(tmp_path):
    """Write a dataset, or bytes, to a file; return its path."""

    def write(dataset, name="IM000001"):
        data = dataset if isinstance(dataset, bytes) else content(dataset)
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def _refusal(path, **options):
    with pytest.raises(InputError) as refused:
        read_fundus(path, **options)
    words = str(refused.value)
    assert words.startswith(f"{path}: ") and "\n" not in words
    assert not any(secret in words for secret in PLANTED)
    return words


def test_every_transfer_syntax_that_is_read_has_an_encoder_here():
    assert ENCODERS.keys() == DECODERS.keys()


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.keyword)
def test_a_photograph_is_itself_in_every_transfer_syntax(written, syntax):
    encode, lossy = ENCODERS[syntax]
    read = read_fundus(written(encode(FUNDUS)))
    assert read.dtype == np.uint8
    difference = np.abs(read.astype(int) - FUNDUS)
    assert difference.max() <= (8 if lossy else 0)
    assert difference.mean() <= (2 if lossy else 0)


@pytest.mark.parametrize(
    "syntax",
    [syntax for syntax in ENCODERS if syntax != uid.JPEGBaseline8Bit],
    ids=lambda syntax: syntax.keyword,
)
def test_an_angiogram_of_16_bits_fills_the_range(written, syntax):
    encode, lossy = ENCODERS[syntax]
    path = written(encode(FFA.astype(np.uint16) * 257, role="FA"))
    read = read_ffa(path)[..., 0]
    assert np.abs(read.astype(int) - FFA).max() <= (12 if lossy else 0)
    assert sample_bits(path) == 8


BUNDLED = [
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_dcmtk_+eb+cy+s4.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_jpeg_no_color_transform_2.dcm",
    "SC_rgb_jpeg_app14_dcmd.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "examples_jpeg2k.dcm",
]


@pytest.mark.parametrize("name", BUNDLED)
def test_files_of_others_have_the_pixels_another_decoder_finds(written, name):
    """GDCM, or CharLS where GDCM is ours."""
    dataset = pydicom.dcmread(get_testdata_file(name))
    other = "pyjpegls" if "_jls_" in name else "gdcm"
    want = pixel_array(dataset, decoding_plugin=other, index=0)
    dataset.SOPClassUID = uid.SecondaryCaptureImageStorage
    np.testing.assert_array_equal(read_fundus(written(dataset)), want)


def test_palettes_become_their_colours(written):
    dataset = ophthalmic(FFA, PhotometricInterpretation="PALETTE COLOR")
    levels = np.arange(256)
    for name, table in {
        "Red": levels,
        "Green": levels[::-1],
        "Blue": levels // 2,
    }.items():
        setattr(
            dataset, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16]
        )
        data = (table * 257).astype("<u2").tobytes()
        setattr(dataset, f"{name}PaletteColorLookupTableData", data)
    want = np.dstack([FFA, 255 - FFA, FFA // 2])
    np.testing.assert_array_equal(read_fundus(written(dataset)), want)


def test_monochrome1_is_shown_as_a_viewer_shows_it(written):
    path = written(ophthalmic(FFA, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(read_ffa(path)[..., 0], 255 - FFA)


@pytest.mark.parametrize("stored", [10, 12, 16])
def test_a_dark_angiogram_stays_dark(written, stored):
    """BitsStored says what is white, not the brightest sample."""
    dark = FFA.astype(np.uint16) // 4
    path = written(
        ophthalmic(dark, "FA", BitsStored=stored, HighBit=stored - 1)
    )
    want = np.rint(dark * (255 / (2**stored - 1)))
    np.testing.assert_array_equal(read_ffa(path)[..., 0], want)


def test_bits_above_those_stored_are_no_part_of_the_sample(written):
    samples = FFA.astype(np.uint16) * 16
    overlaid = samples | 0x8000
    path = written(ophthalmic(overlaid, BitsStored=12, HighBit=11))
    want = np.rint(samples * (255 / 4095))
    np.testing.assert_array_equal(read_ffa(path)[..., 0], want)


def test_a_window_says_what_is_black_and_white(written):
    path = written(ophthalmic(FFA, WindowCenter="100.5", WindowWidth="101"))
    # PS3.3 C.11.2.1.2.1, in float64.
    ramp = ((FFA.astype(float) - 100) / 100 + 0.5) * 255
    want = np.rint(np.clip(ramp, 0, 255))
    assert np.abs(read_ffa(path)[..., 0] - want).max() <= 1


SERIES = np.stack([FFA // 4, FFA // 2, FFA])


def test_of_a_series_of_an_angiogram_the_last_frame_is_read(written):
    path = written(ophthalmic(SERIES, "FA"))
    np.testing.assert_array_equal(read_ffa(path)[..., 0], SERIES[2])


@pytest.mark.parametrize("syntax", ["native", "RLE"])
def test_any_frame_can_be_asked_for(written, syntax):
    dataset = ophthalmic(SERIES, "FA")
    if syntax == "RLE":
        dataset.compress(
            uid.RLELossless,
            generate_instance_uid=False,
            encoding_plugin="pydicom",
        )
    path = written(dataset)
    for number in (1, 2, 3):
        read = read_ffa(path, frame=number)[..., 0]
        np.testing.assert_array_equal(read, SERIES[number - 1])
    assert "has no frame 4; it has 3" in _refusal(path, frame=4)
    assert "has no frame 0" in _refusal(path, frame=0)


def test_of_several_photographs_one_has_to_be_named(written):
    path = written(ophthalmic(SERIES, "RED"))
    assert "holds 3 frames; say which one" in _refusal(path)


def test_a_picture_of_another_kind_has_one_frame(tmp_path):
    from ffa_keras.images.files import write_png

    write_png(tmp_path / "a.png", FUNDUS)
    np.testing.assert_array_equal(
        read_fundus(tmp_path / "a.png", frame=1), FUNDUS
    )
    assert "has no frame 2" in _refusal(tmp_path / "a.png", frame=2)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.keyword)
def test_classes_of_photographs_are_read(written, kind):
    path = written(ophthalmic(FUNDUS, SOPClassUID=kind))
    np.testing.assert_array_equal(read_fundus(path), FUNDUS)


REFUSED = {
    "tomography": (
        {"SOPClassUID": uid.OphthalmicTomographyImageStorage},
        "class Ophthalmic Tomography Image Storage",
    ),
    "a class of nobody": ({"SOPClassUID": "1.2.3.4711.9"}, "no registered one"),
    "burned in": ({"BurnedInAnnotation": "YES"}, "burned into the image"),
    "both eyes": ({"ImageLaterality": "B"}, "both eyes"),
    "stereo": ({"SamplesPerPixelUsed": 2}, "stereo pair"),
    "signed": ({"PixelRepresentation": 1}, "signed samples"),
    "32 bits": ({"BitsAllocated": 32, "BitsStored": 32}, "32 bits"),
    "CMYK": (
        {"PhotometricInterpretation": "CMYK", "SamplesPerPixel": 4},
        "photometric interpretation CMYK",
    ),
    "a kind of nobody": (
        {"PhotometricInterpretation": "SECRETID471"},
        "photometric interpretation unknown",
    ),
    "too large": ({"Rows": 60000, "Columns": 60000}, "more than 134217728"),
    "rows that are not there": ({"Rows": 8000}, "cut short"),
    "frames that are not there": (
        {"NumberOfFrames": 2**31 - 1, "ImageType": ["", "", "", "FA"]},
        "cut short",
    ),
    "no rows": ({"Rows": 0}, "damaged"),
    "no pixels": ({"PixelData": None}, "damaged"),
    "no samples": ({"SamplesPerPixel": None}, "damaged"),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_read_is_refused_by_its_name(written, changes, words):
    dataset = ophthalmic(FUNDUS, **changes)
    if changes.get("PixelData", "") is None:
        del dataset.PixelData
    assert words in _refusal(written(dataset))


@pytest.mark.parametrize(
    "syntax",
    [uid.JPEGExtended12Bit, uid.HTJ2K, uid.MPEG4HP41],
    ids=lambda syntax: syntax.name,
)
def test_a_syntax_without_a_decoder_is_refused_by_its_name(written, syntax):
    dataset = ENCODERS[uid.JPEGBaseline8Bit][0](FUNDUS)
    dataset.file_meta.TransferSyntaxUID = syntax
    assert syntax.name in _refusal(written(dataset))


@pytest.mark.parametrize(
    "syntax",
    [s for s in ENCODERS if s.is_encapsulated and s != uid.RLELossless],
    ids=lambda syntax: syntax.keyword,
)
def test_a_frame_of_another_size_than_the_header_says_is_refused(
    written, syntax
):
    dataset = ENCODERS[syntax][0](FUNDUS)
    dataset.Rows, dataset.Columns = 16, 16
    assert "damaged" in _refusal(written(dataset))


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda syntax: syntax.keyword)
def test_half_a_photograph_is_refused(written, syntax):
    data = content(ENCODERS[syntax][0](FUNDUS))
    assert _refusal(written(data[: len(data) * 2 // 3]))


def test_damage_that_ends_gdcm_ends_nothing_else(written):
    """It segfaults at a precision of 112 bits in a JPEG Lossless stream."""
    data = content(ENCODERS[uid.JPEGLosslessSV1][0](FUNDUS))
    at = data.index(b"\xff\xc3") + 4
    assert data[at] == 8
    path = written(data[:at] + b"\x70" + data[at + 1 :])
    assert "damaged" in _refusal(path)


def test_what_inflates_to_gigabytes_is_refused_before_it_does(written):
    dataset = ENCODERS[uid.DeflatedExplicitVRLittleEndian][0](FUNDUS)
    data = content(dataset)
    start = 144 + int.from_bytes(data[140:144], "little")
    deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
    # Of zeros: as much as is read, and a little.
    body = b"".join(deflate.compress(bytes(2**20)) for _ in range(513))
    path = written(data[:start] + body + deflate.flush())
    assert path.stat().st_size < 2**22
    assert "inflates to more than" in _refusal(path)


def test_files_without_a_suffix_are_known_by_their_start(written, tmp_path):
    assert is_image(written(ophthalmic(FUNDUS)))
    assert is_image(tmp_path / "a.dcm") and is_image(tmp_path / "a.PNG")
    assert not is_image(tmp_path / "absent")
    assert not is_image(tmp_path)
    assert not is_image(written(ophthalmic(FUNDUS), "DICOMDIR"))
    assert not is_image(written(b"text", "notes"))


def test_a_dcm_file_that_is_none_is_refused(written):
    assert "not a readable image" in _refusal(written(b"x" * 500, "a.dcm"))


def test_without_the_extra_the_refusal_says_how_to_install_it(
    written, monkeypatch
):
    path = written(ophthalmic(FUNDUS))
    for name in list(sys.modules):
        if name.split(".")[0] == "pydicom" or "images.dicom." in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    assert "pip install 'ffa_keras[dicom]'" in _refusal(path)


def test_nothing_pydicom_says_reaches_a_log(written, capfd):
    """It quotes what it cannot parse; a name may stand there."""
    data = content(ophthalmic(FUNDUS))
    for value in (b"20230517081522", b"1.2.3.4711.3", b"19510203"):
        data = data.replace(value, b"Geheim^Agathe!"[: len(value)])
    heard = []
    handler = logging.Handler()
    handler.emit = heard.append
    logging.getLogger().addHandler(handler)
    try:
        with warnings.catch_warnings(action="error"):
            read_fundus(written(data))
            parse(data).walk(lambda dataset, element: element.value)
    finally:
        logging.getLogger().removeHandler(handler)
    assert not heard
    assert capfd.readouterr() == ("", "")
