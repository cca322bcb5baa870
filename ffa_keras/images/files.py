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
from ffa_keras.registration.retina import field_of_view

__all__ = [
    "IMAGE_SUFFIXES",
    "decode_png",
    "encode_png",
    "field_of_view",
    "read_ffa",
    "read_fundus",
    "sample_bits",
    "write_png",
]

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif")

_READ = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
# Of a file of which nobody says how many bits its samples have.
_USUAL_BITS = (8, 12, 16)


def read_fundus(path: str | Path, bits: int | None = None) -> np.ndarray:
    """Read a fundus photograph.

    Args:
        path: PNG, TIFF, JPEG, BMP or GIF file of 8 or 16 bits; colour or grey.
        bits: of the brightest sample possible in a 16-bit file, 8 to 16, which
            becomes 255: the same for all files of a camera, so that all keep
            their brightness. If `None`, the least of 8, 12 and 16 that holds
            the brightest sample of this file. Files of 8 bits stay as they
            are.

    Returns:
        uint8 array [H, W, 3], RGB; three equal channels if the file is grey.

    Raises:
        InputError: the file is absent, unreadable, damaged or too large, or
            holds a sample of more than `bits`.
    """
    image = _to_uint8(_read(Path(path)), Path(path), bits)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_ffa(path: str | Path, bits: int | None = None) -> np.ndarray:
    """Read an angiogram.

    Args:
        path: as for `read_fundus`.
        bits: as for `read_fundus`.

    Returns:
        uint8 array [H, W, 1]; the luminance if the file is in colour.

    Raises:
        InputError: as `read_fundus`.
    """
    image = _to_uint8(_read(Path(path)), Path(path), bits)
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]


def sample_bits(path: str | Path) -> int:
    """Return how many bits the brightest sample of a file takes.

    The largest over the files of a camera is what `bits` should be for all.

    Args:
        path: as for `read_fundus`.

    Returns:
        8 to 16; 8 for every file of 8 bits.

    Raises:
        InputError: as `read_fundus`.
    """
    image = _read(Path(path))
    return 8 if image.dtype == np.uint8 else max(8, _least_bits(image))


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


def _read(path: Path) -> np.ndarray:
    """Return BGR [H, W, 3], uint8 or uint16."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputError(f"{path}: {reason.lower()}; check the path") from error
    try:
        with quiet_decoders():
            check(data)
            image = _decode(data)
    except Damaged as error:
        raise InputError(f"{path}: {error}") from error
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


def _least_bits(image: np.ndarray) -> int:
    """Return the number of bits that hold the brightest sample."""
    return int(image.max()).bit_length()


def _to_uint8(image: np.ndarray, path: Path, bits: int | None) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    least = _least_bits(image)
    if bits is None:
        bits = next(usual for usual in _USUAL_BITS if usual >= least)
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
