"""What a DICOM file says of its image, read before any pixel is decoded.

pydicom quotes what it reads in its warnings, and that may be a name: nothing
it says is passed on.
"""

import contextlib
import io
import logging
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
from pydicom import uid
from pydicom.dataset import FileDataset

from ffa_keras.images.checks import MAX_BYTES, Damaged, check_size

# Classes of which an image is a photograph or an angiogram of an eye, or can
# be.
CLASSES = (
    uid.OphthalmicPhotography8BitImageStorage,
    uid.OphthalmicPhotography16BitImageStorage,
    uid.WideFieldOphthalmicPhotographyStereographicProjectionImageStorage,
    uid.WideFieldOphthalmicPhotography3DCoordinatesImageStorage,
    uid.SecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    uid.MultiFrameTrueColorSecondaryCaptureImageStorage,
    uid.VLPhotographicImageStorage,
)
# The one decoder of each transfer syntax; those of pydicom itself have none.
DECODERS = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGLossless: "gdcm",
    uid.JPEGLosslessSV1: "gdcm",
    uid.JPEGLSLossless: "gdcm",
    uid.JPEGLSNearLossless: "gdcm",
    uid.JPEG2000Lossless: "pillow",
    uid.JPEG2000: "pillow",
}
GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
ANGIOGRAMS = ("FA", "ICG")
PHOTOGRAPH = "COLOR"

_META_END = 144  # Magic, then the length of the group that follows it.
_CHUNK = 2**20
_HEAD = 2**12
_DEFLATED = uid.DeflatedExplicitVRLittleEndian.encode()

# Nothing it says is handed to a log, whatever the program that imports this
# sets up; and values are read as they are, without a warning that quotes them.
logging.getLogger("pydicom").propagate = False
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


@contextlib.contextmanager
def refusing_in_words() -> Iterator[None]:
    """Turn whatever pydicom and its decoders raise into words without values.

    Raises:
        Damaged: in the place of anything but an `InputError` or `Damaged`.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except (Damaged, MemoryError, OSError):
        raise
    except Exception:
        # What a damaged file leads to is not to be foreseen, and the message
        # may quote it.
        raise damaged() from None


def damaged() -> Damaged:
    """Return what to raise for a file that is not what it says."""
    return Damaged("the DICOM file is damaged; export it again")


def parse(data: bytes) -> FileDataset:
    """Read a file whole, its pixels not yet decoded.

    Args:
        data: its content.

    Raises:
        Damaged: it cannot be read.
    """
    with refusing_in_words():
        _check_inflated(data)
        return pydicom.dcmread(io.BytesIO(data))


def parse_header(path: Path) -> FileDataset:
    """Read all of a file that stands before its pixels.

    Args:
        path: the file.

    Raises:
        Damaged: it cannot be read.
        OSError: the system does not let it be read.
    """
    with refusing_in_words(), path.open("rb") as file:
        if _DEFLATED in file.read(_HEAD):
            _check_inflated(path.read_bytes())
        file.seek(0)
        return pydicom.dcmread(file, stop_before_pixels=True)


def check_readable(header: FileDataset) -> None:
    """Refuse what is not read here, by its name, and what is too large.

    Args:
        header: of a file.

    Raises:
        Damaged: with what it is.
    """
    with refusing_in_words():
        _check_kind(header)
        _check_samples(header)


def transfer_syntax(header: FileDataset) -> uid.UID:
    """Return how the pixels are encoded, "" if the file does not say."""
    return uid.UID(text(header.file_meta, "TransferSyntaxUID"))


def num_frames(header: FileDataset) -> int:
    """Return the number of frames that a file claims, 1 or more."""
    return int(header.get("NumberOfFrames") or 1)


def role(header: FileDataset) -> str:
    """Return what an image shows: `PHOTOGRAPH`, of `ANGIOGRAMS`, else, or "".

    Args:
        header: of a file; the fourth value of its image type says it, or that
            there is a contrast agent.
    """
    kind = values(header, "ImageType")[3:4]
    if kind:
        return kind[0].upper()
    if any(
        name in header
        for name in ("ContrastBolusAgent", "ContrastBolusAgentSequence")
    ):
        return ANGIOGRAMS[0]
    colour = text(header, "PhotometricInterpretation") not in GREY
    return PHOTOGRAPH if colour else ""


def laterality(header: FileDataset) -> str:
    """Return which eye is shown: "R", "L", "B" for both, "" if it is not said.

    Args:
        header: of a file.
    """
    for name in ("ImageLaterality", "Laterality"):
        if (side := text(header, name).upper()) in ("R", "L", "B"):
            return side
    return ""


def text(dataset: pydicom.Dataset, name: str) -> str:
    """Return an attribute as text without blanks around it, "" if absent."""
    value: Any = dataset.get(name)
    return "" if value is None else str(value).strip()


def values(dataset: pydicom.Dataset, name: str) -> list[str]:
    """Return all values of an attribute as text, none if it is absent."""
    found: Any = dataset.get(name)
    if found is None or found == "":
        return []
    several = [found] if isinstance(found, str | int | float) else found
    return [str(value).strip() for value in several]


def _name(code: uid.UID) -> str:
    """Return the name of a registered UID; others may hold anything."""
    return code.name if code.name != str(code) else "no registered one"


def _check_kind(header: FileDataset) -> None:
    kind = uid.UID(
        text(header, "SOPClassUID")
        or text(header.file_meta, "MediaStorageSOPClassUID")
    )
    if kind not in CLASSES:
        raise Damaged(
            f"DICOM class {_name(kind)}; give Ophthalmic Photography,"
            " Secondary Capture or VL Photographic images"
        )
    if (syntax := transfer_syntax(header)) not in DECODERS:
        raise Damaged(
            f"DICOM transfer syntax {_name(syntax)}, which is not read here;"
            " export it uncompressed"
        )
    if text(header, "BurnedInAnnotation").upper() == "YES":
        raise Damaged(
            "text that identifies the patient is burned into the image"
            " (BurnedInAnnotation is YES); export it without"
        )
    if laterality(header) == "B":
        raise Damaged("shows both eyes (laterality B); give each its own image")


def _check_samples(header: FileDataset) -> None:
    photometric = text(header, "PhotometricInterpretation")
    if photometric not in (*GREY, PALETTE, *COLOUR):
        known = photometric in ("ARGB", "CMYK", "HSV", "XYB") or (
            photometric.startswith("YBR_PARTIAL_4")
        )
        raise Damaged(
            f"photometric interpretation {photometric if known else 'unknown'};"
            " export it as RGB or MONOCHROME2"
        )
    if text(header, "SamplesPerPixelUsed") == "2":
        raise Damaged("a stereo pair in one image; export each half")
    rows, columns = int(header.Rows), int(header.Columns)
    samples, allocated = int(header.SamplesPerPixel), int(header.BitsAllocated)
    stored = int(header.get("BitsStored", allocated))
    frames = num_frames(header)
    if header.get("PixelRepresentation", 0):
        raise Damaged("signed samples; export it with unsigned ones")
    if allocated not in (8, 16):
        raise Damaged(
            f"samples of {allocated} bits; export it with 8 or 16 bits"
        )
    wanted = 3 if photometric in COLOUR else 1
    if not 1 <= stored <= allocated or samples != wanted:
        raise damaged()
    if min(rows, columns, frames) < 1:
        raise damaged()
    # One frame is decoded; all of them are compared with what is there.
    check_size(columns, rows, samples * allocated // 8)


def _check_inflated(data: bytes) -> None:
    """Refuse a deflated file that inflates to more than is ever read."""
    length = int.from_bytes(data[_META_END - 4 : _META_END], "little")
    start = _META_END + length
    if _DEFLATED not in data[:start]:
        return
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for at in range(start, len(data), _CHUNK):
        chunk = data[at : at + _CHUNK]
        while chunk:
            size += len(inflate.decompress(chunk, _CHUNK))
            chunk = inflate.unconsumed_tail
            if size > MAX_BYTES:
                raise Damaged(
                    f"inflates to more than {MAX_BYTES} bytes; export it"
                    " uncompressed"
                )
