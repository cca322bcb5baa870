"""What an image file claims, and whether it is whole, before it is decoded.

A file of a kilobyte can claim gigabytes or hours of work, and a file that was
cut or overwritten can be decoded into half a photograph.
"""

import contextlib
import io
import os
import re
import struct
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import simplejpeg
from PIL import TiffImagePlugin

from ffa_keras.files import MAX_PIXELS

# Of all samples, before they are scaled to 8 bits.
MAX_BYTES = 2**29
# A camera needs one; progressive files of the web have about ten.
MAX_SCANS = 100

_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
# Between the parts of a JPEG file: stuffing, restarts and padding are data.
_JPEG_MARK = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
# What begins with the size of the image.
JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN, _END_OF_JPEG = 0xDA, 0xD9
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _CHANNELS = 256, 257, 258, 259, 277
_UNCOMPRESSED = 1
_ONE_AT_A_TIME = threading.Lock()


class Damaged(ValueError):
    """The message says what is wrong with a file, and the cure."""


class _Claim(NamedTuple):
    width: int
    height: int
    bytes_a_pixel: int


def check(data: bytes) -> None:
    """Refuse a file that is no image, not whole, or too large to decode.

    Args:
        data: its content.

    Raises:
        Damaged: with the reason.
    """
    if not data:
        raise Damaged("the file is empty; copy it again")
    claims = {
        b"\x89PNG\r\n\x1a\n": _png,
        b"\xff\xd8": _jpeg,
        b"II": _tiff,
        b"MM": _tiff,
        b"BM": _bmp,
        b"GIF8": _gif,
    }
    for start, claimed in claims.items():
        if data.startswith(start):
            try:
                claim = claimed(data)
            except (struct.error, IndexError) as error:
                raise _cut_short() from error
            check_size(*claim)
            check_stream(data)
            return
    raise unreadable()


def unreadable() -> Damaged:
    """Return what to raise for a file that no decoder reads."""
    return Damaged(
        "not a readable image; give a whole PNG, TIFF, JPEG, BMP, GIF or DICOM"
        " file"
    )


def check_size(width: int, height: int, bytes_a_pixel: int) -> None:
    """Refuse what is too large to decode.

    Args:
        width: pixels.
        height: pixels, of all frames.
        bytes_a_pixel: of all of its samples.

    Raises:
        Damaged: it is.
    """
    pixels = width * height
    if pixels > MAX_PIXELS:
        raise Damaged(f"more than {MAX_PIXELS} pixels; scale the image down")
    if pixels * bytes_a_pixel > MAX_BYTES:
        raise Damaged(
            f"more than {MAX_BYTES} bytes of samples; save it with 8 bits, or"
            " scale it down"
        )


def check_stream(data: bytes) -> None:
    """Decode strictly where OpenCV and Pillow go on after an error.

    Args:
        data: a file, or a JPEG stream.

    Raises:
        Damaged: it is.
    """
    if data.startswith(b"\xff\xd8"):
        try:
            # An eighth of the size: all is decompressed, little computed.
            simplejpeg.decode_jpeg(
                data, "GRAY", min_height=1, min_width=1, min_factor=8
            )
        except ValueError as error:
            if re.match("Corrupt JPEG data|Premature end", str(error)):
                raise _damaged() from error
    elif data[:2] in (b"II", b"MM"):
        _check_tiff_stream(data)


def _check_tiff_stream(data: bytes) -> None:
    try:
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except Exception:  # A kind that Pillow does not know, but OpenCV may.
        return
    if image.tag_v2.get(_COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED:
        return
    try:
        image.load()
    except OSError as error:
        raise _damaged() from error


@contextlib.contextmanager
def quiet_decoders() -> Iterator[None]:
    """Keep what decodes from printing what is said in words afterwards.

    libpng and libtiff know standard error only by its number, of which a
    process has one: threads wait for each other.
    """
    with _ONE_AT_A_TIME:
        try:
            kept = os.dup(2)
        except OSError:  # No standard error at all.
            yield
            return
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        try:
            with warnings.catch_warnings(action="ignore"):
                yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def say(line: str) -> None:
    """Print a line on standard error, also while threads decode.

    Args:
        line: what there is to say.
    """
    with _ONE_AT_A_TIME:
        print(line, file=sys.stderr, flush=True)


def _png(data: bytes) -> _Claim:
    if data.rfind(b"IEND") <= data.rfind(b"IDAT"):
        raise _cut_short()
    width, height, bits, kind = struct.unpack_from(">IIBB", data, 16)
    # OpenCV allocates what a chunk claims, up to gigabytes, before it reads.
    at, name = 8, b""
    while name != b"IEND" and at < len(data):
        name = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    if name != b"IEND" or at > len(data):
        raise _damaged()
    return _Claim(width, height, _PNG_CHANNELS.get(kind, 4) * _bytes(bits))


def _jpeg(data: bytes) -> _Claim:
    claim, scans, at = _Claim(0, 0, 0), 0, 2
    while mark := _JPEG_MARK.search(data, at):
        kind = mark[1][0]
        if kind == _END_OF_JPEG:
            if not scans:
                break
            return claim
        if kind in JPEG_SIZES:
            bits, height, width, channels = struct.unpack_from(
                ">BHHB", data, mark.end() + 2
            )
            claim = _Claim(width, height, channels * _bytes(bits))
        scans += kind == _START_OF_SCAN
        if scans > MAX_SCANS:
            raise Damaged(
                f"more than {MAX_SCANS} scans; save it as an ordinary JPEG"
            )
        at = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
    raise _cut_short()


def _tiff(data: bytes) -> _Claim:
    big = data[2:4] in (b"+\0", b"\0+")  # BigTIFF
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if big else 8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        bits = tags.get(_BITS, (1,))
        bytes_a_pixel = int(tags.get(_CHANNELS, 1)) * _bytes(max(bits))
        return _Claim(tags[_WIDTH], tags[_HEIGHT], bytes_a_pixel)
    except Exception as error:  # Whatever a damaged directory leads to.
        raise unreadable() from error


def _bmp(data: bytes) -> _Claim:
    (size,) = struct.unpack_from("<I", data, 2)
    if size > len(data):
        raise _cut_short()
    width, height = struct.unpack_from("<ii", data, 18)
    return _Claim(abs(width), abs(height), 4)


def _gif(data: bytes) -> _Claim:
    width, height = struct.unpack_from("<HH", data, 6)
    return _Claim(width, height, 4)


def _bytes(bits: int) -> int:
    return -(-bits // 8)


def _cut_short() -> Damaged:
    return Damaged("the file is cut short; copy it again")


def _damaged() -> Damaged:
    return Damaged("the file is damaged; copy it again")
