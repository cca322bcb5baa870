"""What every answer says of itself, and how to tell that it is whole."""

import struct
import zlib

from ffa_keras import __version__

# What every answer says of itself; never anything of the patient or the file.
LABEL = {
    "Title": "Synthetic FFA",
    "Software": f"ffa_keras {__version__}",
    "Disclaimer": "Synthetic image, not for clinical use",
}

# Signature and header of a PNG file; text fields may follow them.
PNG_START = 8 + 25


def text_chunks(texts: dict[str, str]) -> bytes:
    """Return text fields in the form in which a PNG file holds them.

    Args:
        texts: Latin-1 text by keyword.
    """
    chunks = b""
    for keyword, text in texts.items():
        content = b"tEXt" + f"{keyword}\0{text}".encode("latin-1")
        chunks += struct.pack(">I", len(content) - 4) + content
        chunks += struct.pack(">I", zlib.crc32(content))
    return chunks


def label_png(png: bytes, texts: dict[str, str]) -> bytes:
    """Write text fields into a PNG image.

    Args:
        png: the image.
        texts: Latin-1 text by keyword.

    Returns:
        The image with the text fields after its header.
    """
    return png[:PNG_START] + text_chunks(texts) + png[PNG_START:]


def is_labelled(png: bytes, texts: dict[str, str]) -> bool:
    """Return whether an image begins with these text fields, in their order.

    Args:
        png: the image, or its beginning.
        texts: Latin-1 text by keyword.
    """
    return png[PNG_START:].startswith(text_chunks(texts))


def is_whole(png: bytes) -> bool:
    """Return whether every chunk of a PNG image is there and undamaged.

    Args:
        png: the image.
    """
    at = 8
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        content = png[at + 4 : at + 8 + length]
        at += 12 + length
        if png[at - 4 : at] != struct.pack(">I", zlib.crc32(content)):
            return False
        if content.startswith(b"IEND"):
            return at == len(png)
    return False
