"""The pixels of a DICOM image, as 8-bit RGB whatever their form was."""

import struct

import numpy as np
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.encaps import get_frame
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut

from ffa_keras.images.checks import JPEG_SIZES, Damaged, check_stream
from ffa_keras.images.dicom.apart import pixel_array_apart
from ffa_keras.images.dicom.header import (
    ANGIOGRAMS,
    DECODERS,
    GREY,
    PALETTE,
    check_readable,
    damaged,
    num_frames,
    parse,
    refusing_in_words,
    role,
    text,
    transfer_syntax,
)

_START_OF_JPEG_LS = 0xF7
_START_OF_J2K = b"\xff\x4f\xff\x51"
_ITEM_HEADER = 8  # Before each frame, or part of one, that is encoded.
_J2K = (uid.JPEG2000, uid.JPEG2000Lossless)


def decode(data: bytes, frame: int | None = None) -> np.ndarray:
    """Decode one frame of a DICOM image.

    Args:
        data: content of the file.
        frame: which frame, from 1. If `None`, the only one, or the last of an
            angiogram.

    Returns:
        uint8 array [H, W, 3], RGB, as a viewer shows it: white is bright.

    Raises:
        Damaged: the file cannot be read, is not of a kind that is, or has no
            such frame; the message says what it is.
    """
    header = parse(data)
    check_readable(header)
    with refusing_in_words():
        index = _index(header, frame)
        _check_encoded(header, index)
        decoder = DECODERS[transfer_syntax(header)]
        if decoder == "gdcm":
            samples = pixel_array_apart(data, index)
        else:
            samples = pixel_array(header, index=index, decoding_plugin=decoder)
        image = _to_rgb(samples, header)
        if image.shape != (header.Rows, header.Columns, 3):
            raise damaged()
        return image


def _index(header: FileDataset, frame: int | None) -> int:
    count = num_frames(header)
    if frame is None:
        if count > 1 and role(header) not in ANGIOGRAMS:
            raise Damaged(f"holds {count} frames; say which one, from 1")
        return count - 1
    if not 1 <= frame <= count:
        raise Damaged(f"has no frame {frame}; it has {count}, from 1")
    return frame - 1


def _check_encoded(header: FileDataset, index: int) -> None:
    """Refuse a frame that is cut, or is larger than the header says."""
    syntax, frames = transfer_syntax(header), num_frames(header)
    if not syntax.is_encapsulated:
        samples = header.Rows * header.Columns * header.SamplesPerPixel * frames
        if text(header, "PhotometricInterpretation") == "YBR_FULL_422":
            samples = samples * 2 // 3
        if len(header.PixelData) < samples * header.BitsAllocated // 8:
            raise _cut_short()
        return
    if frames * _ITEM_HEADER > len(header.PixelData):
        raise _cut_short()
    encoded = get_frame(header.PixelData, index, number_of_frames=frames)
    if syntax == uid.RLELossless:
        return
    claimed = _j2k(encoded) if syntax in _J2K else _jpeg(encoded)
    if claimed != (header.Rows, header.Columns, header.SamplesPerPixel):
        raise damaged()
    if syntax == uid.JPEGBaseline8Bit:
        check_stream(encoded)


def _cut_short() -> Damaged:
    return Damaged("the DICOM file is cut short; export it again")


def _jpeg(encoded: bytes) -> tuple[int, int, int]:
    """Return (H, W, C) as the header of a JPEG or JPEG-LS stream says."""
    at = 2
    while encoded[at] == 0xFF:
        if encoded[at + 1] in JPEG_SIZES | {_START_OF_JPEG_LS}:
            return struct.unpack_from(">HHB", encoded, at + 5)
        at += 2 + int.from_bytes(encoded[at + 2 : at + 4], "big")
    raise damaged()


def _j2k(encoded: bytes) -> tuple[int, int, int]:
    """Return (H, W, C) of a JPEG 2000 stream, which boxes may be around."""
    at = encoded.index(_START_OF_J2K) + 8
    right, bottom, left, top = struct.unpack_from(">IIII", encoded, at)
    (channels,) = struct.unpack_from(">H", encoded, at + 32)
    return bottom - top, right - left, channels


def _to_rgb(samples: np.ndarray, header: FileDataset) -> np.ndarray:
    """Scale the samples of a frame to 8 bits and three channels."""
    photometric = text(header, "PhotometricInterpretation")
    bits = int(header.BitsStored)
    samples = samples & samples.dtype.type(2**bits - 1)
    if photometric == PALETTE:
        colours = apply_color_lut(samples, header)
        return _scaled(colours, np.iinfo(colours.dtype).bits)
    if photometric not in GREY:
        return _scaled(samples, bits)
    levels = _shown(header, bits)[samples]
    if photometric == "MONOCHROME1":
        levels = 255 - levels
    return np.repeat(levels[..., None], 3, axis=-1)


def _scaled(samples: np.ndarray, bits: int) -> np.ndarray:
    if bits == 8:
        return samples.astype(np.uint8, copy=False)
    return _ramp(bits)[samples]


def _ramp(bits: int) -> np.ndarray:
    """Return the grey level of each sample of so many bits."""
    steps = np.arange(2**bits) * (255 / (2**bits - 1))
    return np.rint(steps).astype(np.uint8)


def _shown(header: FileDataset, bits: int) -> np.ndarray:
    """Return the grey level of each sample: tables and window applied.

    A window or a table says what is black and what is white; without one, the
    least and the largest sample possible are.
    """
    samples = np.arange(2**bits, dtype=np.uint16 if bits > 8 else np.uint8)
    tables = ("ModalityLUTSequence", "VOILUTSequence")
    if not any(header.get(n) for n in (*tables, "WindowWidth")):
        return _ramp(bits)
    shown = apply_voi_lut(apply_modality_lut(samples, header), header)
    least, most = sorted(apply_modality_lut(samples[[0, -1]], header))
    for name in tables:
        if header.get(name):
            least, most = 0, 2 ** int(header[name][0].LUTDescriptor[2]) - 1
    if most <= least:
        raise damaged()
    return np.rint((shown - least) * (255 / (most - least))).astype(np.uint8)
