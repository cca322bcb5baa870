"""What the synthetic angiogram of a photograph has to know of its file."""

import dataclasses
import hashlib
from collections.abc import Sequence

from pydicom import uid

from ffa_keras.images.dicom.header import (
    laterality,
    num_frames,
    parse,
    refusing_in_words,
    text,
    transfer_syntax,
    values,
)

_LOSSY = (
    uid.JPEGBaseline8Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
)


_METHODS = ("ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_15444_2")


@dataclasses.dataclass(frozen=True)
class Origin:
    """What an answer has to know of its photograph.

    Attributes:
        study: what its study is known by, unique.
        series: of its series; likewise.
        image: of itself; likewise.
        patient: identifier of the patient, or "".
        kind: its DICOM class, or "" if it is no DICOM file.
        frame: which one of several, from 1; or `None`.
        laterality: "R", "L" or "".
        clean: whether its file says that no text is burned in.
        lossy: whether it ever was compressed with loss; `None`: unknown.
        ratios: of these compressions.
        methods: likewise.
    """

    study: str
    series: str
    image: str
    patient: str = dataclasses.field(default="", repr=False)
    kind: str = ""
    frame: int | None = None
    laterality: str = ""
    clean: bool = False
    lossy: bool | None = None
    ratios: Sequence[float] = ()
    methods: Sequence[str] = ()


def origin_of_dicom(data: bytes, frame: int | None) -> Origin:
    """Return what an answer has to know of a DICOM photograph.

    Args:
        data: content of the file, which can be read.
        frame: that was read; `None` for the last.
    """
    header = parse(data)
    digest = hashlib.sha256(data).hexdigest()
    with refusing_in_words():
        frames = num_frames(header)
        syntax = transfer_syntax(header)
        said = text(header, "LossyImageCompression")
        lossy = said == "01" or syntax in _LOSSY
        issuer = text(header, "IssuerOfPatientID")
        patient = text(header, "PatientID")
        ratios = [
            float(v) for v in values(header, "LossyImageCompressionRatio")
        ]
        methods = values(header, "LossyImageCompressionMethod")
        return Origin(
            study=text(header, "StudyInstanceUID") or digest,
            series=text(header, "SeriesInstanceUID") or digest,
            image=text(header, "SOPInstanceUID") or digest,
            patient=f"{patient}\0{issuer}" if patient else "",
            kind=text(header, "SOPClassUID"),
            frame=(frame or frames) if frames > 1 else None,
            laterality=laterality(header),
            clean=text(header, "BurnedInAnnotation").upper() == "NO",
            lossy=lossy if said or lossy else None,
            ratios=ratios if lossy and len(ratios) == len(methods) else (),
            methods=methods if set(methods) <= set(_METHODS) else (),
        )


def origin_of_picture(data: bytes) -> Origin:
    """Return what an answer has to know of a photograph in another format.

    Args:
        data: content of the file. That of a JPEG file is known to be lossy.
    """
    digest = hashlib.sha256(data).hexdigest()
    lossy = True if data.startswith(b"\xff\xd8") else None
    return Origin(digest, digest, digest, lossy=lossy)
