"""Which photographs to translate, where the answers go, and their label."""

import glob
import struct
import zlib
from collections.abc import Collection
from pathlib import Path

from ffa_keras import __version__
from ffa_keras.data.images import IMAGE_SUFFIXES
from ffa_keras.errors import InputError

# What every answer says of itself; never anything of the patient or the file.
LABEL = {
    "Title": "Synthetic FFA",
    "Software": f"ffa_keras {__version__}",
    "Disclaimer": "Synthetic image, not for clinical use",
}

# Pictures that may go with an answer, and how to read them.
SALIENCY = "saliency"
UNCERTAINTY = "uncertainty"
MAPS = {
    SALIENCY: "Saliency of the synthetic FFA: 128 is 0, one grey level each",
    UNCERTAINTY: "Standard deviation of the synthetic FFA over flips and"
    " turns: four grey levels each",
}

# Signature and header of a PNG file; text fields may follow them.
PNG_START = 8 + 25


def find_photographs(
    source: str, maps: Collection[str] = ()
) -> dict[Path, Path]:
    """Find the photographs that a user names.

    Args:
        source: a file, a folder (searched with its subfolders for image
            files), or a pattern such as `clinic/*.tif`.
        maps: of `MAPS`, what will be drawn beside each answer.

    Returns:
        For each photograph the relative path of its answer: the same stem
        with `.png`; a folder's subfolders are kept.

    Raises:
        InputError: nothing is found, or two photographs would share a file.
    """
    path = Path(source)
    if path.is_dir():
        found = [
            p
            for p in sorted(path.rglob("*"))
            if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES
        ]
        answers = {p: p.relative_to(path).with_suffix(".png") for p in found}
    elif path.is_file():
        answers = {path: Path(path.stem + ".png")}
    else:
        found = [Path(p) for p in sorted(glob.glob(source, recursive=True))]
        answers = {p: Path(p.stem + ".png") for p in found if p.is_file()}
    if not answers:
        kinds = " ".join(IMAGE_SUFFIXES)
        raise InputError(f"--input={source}: no photograph found ({kinds})")
    first: dict[Path, Path] = {}
    for photograph, answer in answers.items():
        for file in _files_of(answer, maps):
            if file in first:
                raise InputError(
                    f"--input={source}: {first[file]} and {photograph} would"
                    f" both become {file}; translate them into two folders"
                )
            first[file] = photograph
    return answers


def map_path(answer: Path, name: str) -> Path:
    """Return where a map goes: beside its answer, which it follows by name.

    Args:
        answer: file of the answer.
        name: of `MAPS`.
    """
    return answer.with_name(f"{answer.stem}_{name}.png")


def check_vacant(
    folder: Path, answers: Collection[Path], maps: Collection[str]
) -> None:
    """Refuse a folder in which files would be replaced.

    Args:
        folder: where the answers go.
        answers: their relative paths.
        maps: of `MAPS`, what will be drawn beside each.

    Raises:
        InputError: at least one of the files exists.
    """
    files = [file for answer in answers for file in _files_of(answer, maps)]
    taken = [file for file in files if (folder / file).exists()]
    if taken:
        raise InputError(
            f"--output={folder}: {len(taken)} files exist, {taken[0]} first;"
            " add --overwrite or name another folder"
        )


def _files_of(answer: Path, maps: Collection[str]) -> list[Path]:
    return [answer, *(map_path(answer, name) for name in maps)]


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
