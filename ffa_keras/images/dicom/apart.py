"""Decode with GDCM in a process of its own.

It ends the process in which it meets some kinds of damage, without a word.
"""

import io
import subprocess
import sys

import numpy as np

_SECONDS = 120
_DECODE = """
import io, sys
import numpy as np
from pydicom import dcmread
from pydicom.pixels import pixel_array
data = io.BytesIO(sys.stdin.buffer.read())
samples = pixel_array(
    dcmread(data), index=int(sys.argv[1]), decoding_plugin="gdcm"
)
np.save(sys.stdout.buffer, samples, allow_pickle=False)
"""


def pixel_array_apart(data: bytes, index: int) -> np.ndarray:
    """Return the samples of a frame, as `pydicom.pixels.pixel_array` does.

    Args:
        data: content of a DICOM file.
        index: of the frame, from 0.

    Raises:
        subprocess.SubprocessError: GDCM failed, in whatever way.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", _DECODE, str(index)],
        input=data,
        capture_output=True,
        timeout=_SECONDS,
        check=True,
    )
    samples: np.ndarray = np.load(io.BytesIO(done.stdout), allow_pickle=False)
    return samples
