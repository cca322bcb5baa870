"""Read and write fundus photographs and angiograms.

Everything inside the project is 8 bit. Transparency and metadata are dropped;
the EXIF orientation is applied.
"""

from pathlib import Path

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.images.checks import (
    Damaged,
    check,
    quiet_decoders,
    unreadable,
)
from ffa_keras.images.dicom import (
    MISSING as DICOM_MISSING,
    is_dicom,
    is_dicom_image,
)
from ffa_keras.registration.retina import field_of_view as field_of_view

IMAGE_SUFFIXES = (
    ".png",
    ".tif",
    ".tiff",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".dcm",
)

_READ = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH


def read_fundus(
    path: str | Path, bits: int | None = None, frame: int | None = None
) -> np.ndarray:
    """Read a fundus photograph.

    Args:
        path: PNG, TIFF, JPEG, BMP, GIF or DICOM file of 8 or 16 bits; colour
            or grey.
        bits: of the brightest sample possible in a 16-bit file, 8 to 16, which
            becomes 255: the same for all files of a camera, so that all keep
            their brightness. If `None`, the least of 8, 12 and 16 that holds
            the brightest sample of this file. Files of 8 bits stay as they
            are, and a DICOM file says itself how many it has.
        frame: of a DICOM file of several, from 1; if `None`, the last of an
            angiogram. Other files have one.

    Returns:
        uint8 array [H, W, 3], RGB; three equal channels if the file is grey.

    Raises:
        InputError: the file is absent, unreadable, damaged or too large, or
            holds a sample of more than `bits`; has no such frame, or is
            DICOM and the extra is not installed.
    """
    image = _read_uint8(Path(path), bits, frame)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_ffa(
    path: str | Path, bits: int | None = None, frame: int | None = None
) -> np.ndarray:
    """Read an angiogram.

    Args:
        path: as for `read_fundus`.
        bits: as for `read_fundus`.
        frame: as for `read_fundus`.

    Returns:
        uint8 array [H, W, 1]; the luminance if the file is in colour.

    Raises:
        InputError: as `read_fundus`.
    """
    image = _read_uint8(Path(path), bits, frame)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]


def sample_bits(path: str | Path, frame: int | None = None) -> int:
    """Return how many bits the brightest sample of a file takes.

    The largest over the files of a camera is what `bits` should be for all.

    Args:
        path: as for `read_fundus`.
        frame: as for `read_fundus`.

    Returns:
        8 to 16; 8 for every file of 8 bits and for every DICOM file.

    Raises:
        InputError: as `read_fundus`.
    """
    image = _read(Path(path), frame)
    return 8 if image.dtype == np.uint8 else max(8, _least_bits(image))


def usual_bits(least: int) -> int:
    """Return how many bits samples have of which nobody says it.

    Args:
        least: bits of the brightest sample, 16 at most.

    Returns:
        8, 12 or 16, as cameras and files have.
    """
    return next(bits for bits in (8, 12, 16) if bits >= least)


def encode_png(image: np.ndarray) -> bytes:
    """Return an image as the bytes of a PNG file.

    Args:
        image: uint8 array [H, W], [H, W, 1] or, in RGB, [H, W, 3].
    """
    if image.ndim == 3 and image.shape[-1] == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", image)[1].tobytes()


def decode_png(data: bytes) -> np.ndarray:
    """Return the image that `encode_png` has encoded, uint8 [H, W, 1 or 3].

    Args:
        data: a PNG file.

    Raises:
        InputError: the bytes are damaged.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise InputError("a stored image is damaged; prepare the data again")
    if image.ndim == 2:
        return image[..., None]
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_png(path: str | Path, image: np.ndarray) -> None:
    """Write a PNG file whole or not at all.

    Args:
        path: file to write or replace; missing parent folders are made.
        image: as `encode_png` takes it.
    """
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(encode_png(image))


def has_suffix(path: Path) -> bool:
    """Return whether a name ends with one of `IMAGE_SUFFIXES`.

    Args:
        path: anything, there or not.
    """
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_image(path: Path) -> bool:
    """Return whether a file is an image by its name, or DICOM by its start.

    What cameras export as DICOM often has no suffix at all.

    Args:
        path: anything that is there.
    """
    try:
        return has_suffix(path) or is_dicom_image(path)
    except OSError:
        return False


def read_content(path: Path) -> bytes:
    """Return what a file holds.

    Args:
        path: the file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputError(f"{path}: {reason.lower()}; check the path") from error


def _read(path: Path, frame: int | None) -> np.ndarray:
    """Return BGR [H, W, 3], uint8 or uint16."""
    data = read_content(path)
    try:
        with quiet_decoders():
            if is_dicom(data):
                return _decode_dicom(data, frame)
            check(data)
            image = _decode(data)
    except Damaged as error:
        raise InputError(f"{path}: {error}") from error
    if frame not in (None, 1):
        raise InputError(f"{path}: has no frame {frame}, since it is no DICOM")
    if image.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: samples of type {image.dtype}; save it with 8 or 16 bits"
        )
    return image


def _decode(data: bytes) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _READ)
    except cv2.error as error:
        raise unreadable() from error
    if image is None:
        raise unreadable()
    return image


def _decode_dicom(data: bytes, frame: int | None) -> np.ndarray:
    """Return BGR uint8 [H, W, 3]."""
    try:
        from ffa_keras.images.dicom.pixels import decode
    except ImportError as error:
        raise Damaged(f"a DICOM file: {DICOM_MISSING}") from error
    return cv2.cvtColor(decode(data, frame), cv2.COLOR_RGB2BGR)


def _least_bits(image: np.ndarray) -> int:
    """Return the number of bits that hold the brightest sample."""
    return int(image.max()).bit_length()


def _read_uint8(path: Path, bits: int | None, frame: int | None) -> np.ndarray:
    """Return BGR [H, W, 3], scaled to 8 bits."""
    image = _read(path, frame)
    if image.dtype == np.uint8:
        return image
    least = _least_bits(image)
    if bits is None:
        bits = usual_bits(least)
    if least > bits:
        raise InputError(
            f"{path}: a sample takes {least} bits, more than the {bits} that"
            " were given; give as many as the brightest file of the camera has"
        )
    scale = np.float32(255 / (2**bits - 1))
    table = np.rint(np.arange(2**bits, dtype=np.uint16) * scale)
    table = table.astype(np.uint8)
    scaled = np.empty(image.shape, np.uint8)
    for row, samples in zip(scaled, image, strict=True):  # To save memory.
        row[:] = table[samples]
    return scaled
