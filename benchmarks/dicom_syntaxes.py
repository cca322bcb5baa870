r"""Which DICOM transfer syntaxes are read, and how exactly.

    python -m benchmarks.dicom_syntaxes

A phantom photograph of 8 bits and its angiogram of 16 are written in every
syntax that is read, by encoders of the tests, and read again; of the others a
file says which it is. Prints the table of docs/dicom.md.
"""

import functools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import app
from pydicom import uid

from ffa_keras.errors import InputError
from ffa_keras.images.dicom.header import DECODERS
from ffa_keras.images.files import read_fundus
from ffa_keras.phantom import make_pair
from tests.dicom_files import ENCODERS, content

_SIDE = 512
_OTHERS = (
    uid.JPEGExtended12Bit,
    uid.HTJ2KLossless,
    uid.HTJ2K,
    uid.JPEG2000MC,
    uid.MPEG2MPML,
    uid.MPEG4HP41,
)


def main(argv: list[str]) -> None:
    """Print the table."""
    del argv
    pair = make_pair(3, "normal", _SIDE)
    fundus = np.ascontiguousarray(pair.fundus)
    ffa = np.ascontiguousarray(pair.ffa[..., 0].astype(np.uint16) * 257)
    print("| Transfer syntax | Read by | RGB, 8 bits | Grey, 16 bits | ms |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "image.dcm")
        for syntax, (encode, _) in ENCODERS.items():
            colour, seconds = _worst(
                path, functools.partial(encode, fundus), fundus
            )
            grey = "has 8 bits"
            if syntax != uid.JPEGBaseline8Bit:
                want = (ffa // 257).astype(np.uint8)[..., None]
                grey, _ = _worst(
                    path, functools.partial(encode, ffa, "FA"), want
                )
            name = DECODERS[syntax] or "pydicom"
            print(
                f"| {syntax.name} | {name} | {colour} | {grey} |"
                f" {1000 * seconds:.0f} |"
            )
        for syntax in _OTHERS:
            dataset = ENCODERS[uid.JPEGBaseline8Bit][0](fundus)
            dataset.file_meta.TransferSyntaxUID = syntax
            path.write_bytes(content(dataset))
            outcome, _ = _worst(path, None, fundus)
            print(f"| {syntax.name} | none | {outcome} | {outcome} | |")


def _worst(
    path: Path, encode: Callable[[], object] | None, want: np.ndarray
) -> tuple[str, float]:
    """Return the largest difference in grey levels, and seconds to read."""
    if encode:
        path.write_bytes(content(encode()))
    start = time.perf_counter()
    try:
        read = read_fundus(path)
    except InputError as error:
        return "refused by its name" if "syntax" in str(error) else "?", 0
    seconds = time.perf_counter() - start
    worst = np.abs(read.astype(int) - want).max()
    return ("exact" if worst == 0 else f"within {worst}"), seconds


if __name__ == "__main__":
    app.run(main)
