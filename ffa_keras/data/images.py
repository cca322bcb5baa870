"""Read and write fundus photographs and angiograms.

Everything inside the project is 8 bit. Files of 16 bits a sample are scaled by
the least of 255, 4095 and 65535 (8, 12 and 16 bits in a 16-bit file) that
holds their brightest sample. Transparency and metadata are dropped; the EXIF
orientation is applied.
"""

from pathlib import Path

import cv2
import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.files import replacing
from ffa_keras.registration.retina import field_of_view

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "decode_png",
    "encode_png",
    "field_of_view",
    "read_ffa",
    "read_fundus",
    "write_png",
]

IMAGE_SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".bmp", ".gif")
# Twelve times an ultra-widefield photograph: more is a mistake or an attack.
MAX_PIXELS = 2**27

_READ = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH
_FULL_SCALES = (255, 4095, 65535)
# By first bytes: marker of pixel data, and the end mark that must follow it.
_ENDINGS = {
    b"\x89PNG": (b"IDAT", b"IEND"),
    b"\xff\xd8": (b"\xff\xda", b"\xff\xd9"),
}


def read_fundus(path: str | Path) -> np.ndarray:
    """Read a fundus photograph.

    Args:
        path: PNG, TIFF, JPEG, BMP or GIF file of 8 or 16 bits; colour or grey.

    Returns:
        uint8 array [H, W, 3], RGB; three equal channels if the file is grey.

    Raises:
        InputError: the file is absent, unreadable, cut short or too large.
    """
    return cv2.cvtColor(_read(Path(path)), cv2.COLOR_BGR2RGB)


def read_ffa(path: str | Path) -> np.ndarray:
    """Read an angiogram.

    Args:
        path: as for `read_fundus`.

    Returns:
        uint8 array [H, W, 1]; the luminance if the file is in colour.

    Raises:
        InputError: the file is absent, unreadable, cut short or too large.
    """
    return cv2.cvtColor(_read(Path(path)), cv2.COLOR_BGR2GRAY)[..., None]


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
    """Return uint8 BGR [H, W, 3]."""
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise InputError(f"{path}: {reason.lower()}; check the path") from error
    if not data:
        raise InputError(f"{path}: the file is empty; copy it again")
    for start, (pixels, end) in _ENDINGS.items():
        if data.startswith(start) and data.rfind(end) <= data.rfind(pixels):
            raise InputError(f"{path}: the file is cut short; copy it again")
    if data.startswith(b"\x89PNG") and not _chunks_fit(data):
        raise InputError(f"{path}: the file is damaged; copy it again")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _READ)
    except cv2.error as error:
        if "MAX_IMAGE" not in str(error):
            raise InputError(_unreadable(path)) from error
        raise InputError(_too_large(path)) from error
    if image is None:
        raise InputError(_unreadable(path))
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise InputError(_too_large(path))
    return _to_uint8(image, path)


def _chunks_fit(data: bytes) -> bool:
    """Whether a PNG file holds every chunk whose length it gives.

    OpenCV allocates what a chunk claims, up to gigabytes, before it reads.
    """
    at = 8
    while at < len(data):
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if kind == b"IEND":
            return at <= len(data)
    return False


def _unreadable(path: Path) -> str:
    return (
        f"{path}: not a readable image; give a whole PNG, TIFF, JPEG, BMP or"
        " GIF file"
    )


def _too_large(path: Path) -> str:
    return f"{path}: more than {MAX_PIXELS} pixels; scale the image down"


def _to_uint8(image: np.ndarray, path: Path) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16:
        raise InputError(
            f"{path}: samples of type {image.dtype}; save it with 8 or 16 bits"
        )
    brightest = int(image.max())
    scale = next(s for s in _FULL_SCALES if s >= brightest)
    return np.rint(image * np.float32(255 / scale)).astype(np.uint8)
