"""DICOM files of photographs and angiograms, read and written.

What is beside this module needs the extra `dicom`, and is imported only when
such a file comes.
"""

from pathlib import Path

from ffa_keras.errors import InputError

MISSING = "needs pydicom; pip install 'ffa_keras[dicom]'"

# Which program wrote a file, in the first of its groups.
IMPLEMENTATION = "FFA_KERAS"


def is_dicom(data: bytes) -> bool:
    """Return whether a file is a DICOM file, by its first 132 bytes.

    Args:
        data: its content, or the beginning.
    """
    return data[128:132] == b"DICM"


def is_dicom_image(path: Path) -> bool:
    """Return whether a file holds a DICOM image, by its start.

    Args:
        path: a file; one named DICOMDIR lists others.
    """
    if path.name == "DICOMDIR":
        return False
    with path.open("rb") as file:
        return is_dicom(file.read(132))


def is_synthetic(head: bytes) -> bool:
    """Return whether a DICOM file is an answer of this program.

    Args:
        head: its beginning, 512 bytes or more.
    """
    return is_dicom(head) and IMPLEMENTATION.encode() in head[:512]


def check_installed() -> None:
    """Refuse to go on without the extra.

    Raises:
        InputError: it is not installed; says how to.
    """
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise InputError(f"DICOM {MISSING}") from error
