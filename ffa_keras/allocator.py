"""What the C library does with memory that a program frees."""

import ctypes
import os
import sys

# Parameters of mallopt(3), and what they become.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_NEVER, _HEAP, _LARGEST = -1, 2**26, 2**25


def keep_freed_memory() -> None:
    """Let the process keep freed memory for what it asks for next.

    Activations of a few megabytes are freed and asked for many times a step.
    glibc gives each back to the system and gets it anew, page by page and
    filled with zeros, which takes a third of the processor's time where
    networks are small. Blocks above 32 MiB still go back.

    Does nothing without glibc, or where the environment says otherwise
    (MALLOC_..., GLIBC_TUNABLES).
    """
    said = any(name.startswith("MALLOC_") for name in os.environ)
    if sys.platform != "linux" or said or "GLIBC_TUNABLES" in os.environ:
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST)
        mallopt(_TRIM_THRESHOLD, _NEVER)
        mallopt(_TOP_PAD, _HEAP)
