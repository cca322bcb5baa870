"""Answers as DICOM files, whose identifiers are keyed hashes."""

import dataclasses
import functools
from pathlib import Path

import numpy as np

from ffa_keras.images.dicom import check_installed, is_dicom
from ffa_keras.images.files import read_content
from ffa_keras.preparation.splits import hashed_id, read_key


@dataclasses.dataclass(frozen=True)
class DicomOutput:
    """How answers become DICOM files.

    Attributes:
        key: secret of the hashes.
        stamp: whether "SYNTHETIC" is written into the image.
    """

    key: bytes = dataclasses.field(repr=False)
    stamp: bool = False

    @classmethod
    def with_key_of(cls, key_file: str, stamp: bool) -> "DicomOutput":
        """Read the key, or make one on first use.

        Args:
            key_file: as `read_key` takes it.
            stamp: as the attribute.

        Raises:
            InputError: there is no key, or the extra is not installed.
        """
        check_installed()
        return cls(read_key(key_file), stamp)

    def content(
        self,
        photograph: Path,
        frame: int | None,
        answer: np.ndarray,
        model: str,
    ) -> bytes:
        """Return an answer as a DICOM file: the same for the same.

        Args:
            photograph: its file.
            frame: of the photograph, as it was read.
            answer: uint8 [H, W] or [H, W, 1].
            model: fingerprint of the model.

        Raises:
            InputError: the photograph is no longer there.
        """
        from ffa_keras.images.dicom import origin, secondary_capture

        data = read_content(photograph)
        if is_dicom(data):
            source = origin.origin_of_dicom(data, frame)
        else:
            source = origin.origin_of_picture(data)
        hashed = functools.partial(hashed_id, self.key)
        return secondary_capture.write(
            answer, source, model, hashed, self.stamp
        )
