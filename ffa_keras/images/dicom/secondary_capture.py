"""A synthetic angiogram as a DICOM image that says that it is one.

A Secondary Capture: an Ophthalmic Photography image may not be derived, and
would hang among real angiograms. It is built from nothing, attribute by
attribute, so that nothing of a photograph's file can come with it; what refers
to the photograph and its patient are keyed hashes.
"""

import hashlib
import io
import uuid
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

from ffa_keras import __version__
from ffa_keras.images.dicom import IMPLEMENTATION
from ffa_keras.images.dicom.origin import Origin

_CLASS = uid.SecondaryCaptureImageStorage
_IMPLEMENTATION_UID = uid.UID("2.25.182417538903349184463163403154806471985")
_WORDS = "SYNTHETIC fluorescein angiogram, not for clinical use"
_DERIVATION = (
    "Synthetic fluorescein angiogram: translated from a colour fundus"
    " photograph by a generative network; no contrast agent was given"
)
_PRIVACY = "built from nothing; identifiers are keyed hashes"
_STAMP = "SYNTHETIC"
_SYNTHESIZING = ("109100", "DCM", "Synthesizing Equipment")
_SOURCE = ("121322", "DCM", "Source image for image processing operation")

Hashed = Callable[[str, str], str]


def write(
    image: np.ndarray,
    origin: Origin,
    model: str,
    hashed: Hashed,
    stamp: bool = False,
) -> bytes:
    """Return a synthetic angiogram as a DICOM file.

    The same image of the same photograph is the same file, UIDs included.

    Args:
        image: uint8 [H, W] or [H, W, 1].
        origin: of its photograph.
        model: fingerprint of the model.
        hashed: returns 32 hexadecimal digits for an identifier, given its
            kind and itself.
        stamp: whether "SYNTHETIC" is written into the image.
    """
    image = image.reshape(image.shape[:2])
    if stamp:
        image = _stamped(image)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = IMPLEMENTATION
    pixels = hashlib.sha256(image.tobytes()).hexdigest()
    made = f"{origin.image} {origin.frame} {model} {pixels}"
    attributes = {
        **_identity(origin, hashed),
        "SOPClassUID": _CLASS,
        "SOPInstanceUID": _uid(hashed, "synthetic image", made),
        "SeriesInstanceUID": _uid(
            hashed, "synthetic series", f"{origin.series} {model}"
        ),
        **_labels(origin, model),
        **_compression(origin),
        **_pixels(image),
    }
    if origin.kind:
        attributes |= _references(origin, hashed)
    dataset = FileDataset(
        "", _item(**attributes), file_meta=meta, preamble=bytes(128)
    )
    dataset["PixelData"].VR = "OB"
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _identity(origin: Origin, hashed: Hashed) -> dict[str, Any]:
    """Return who and when: hashes, and names and dates that are empty."""
    empty = (
        "PatientName PatientBirthDate PatientSex StudyDate StudyTime StudyID"
        " AccessionNumber ReferringPhysicianName"
    )
    return {
        **dict.fromkeys(empty.split(), ""),
        "PatientID": hashed("patient", origin.patient)
        if origin.patient
        else "",
        "StudyInstanceUID": _uid(hashed, "study", origin.study),
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": _PRIVACY,
    }


def _labels(origin: Origin, model: str) -> dict[str, Any]:
    """Return all that says what the image is."""
    return {
        "SpecificCharacterSet": "ISO_IR 192",
        "SyntheticData": "YES",
        "Modality": "OP",
        "ConversionType": "WSD",
        "ImageType": ["DERIVED", "SECONDARY"],
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "PatientOrientation": "",
        "BodyPartExamined": "EYE",
        "Laterality": origin.laterality,
        # Nobody has looked, unless the camera said so.
        **({"BurnedInAnnotation": "NO"} if origin.clean else {}),
        "Manufacturer": "ffa_keras",
        "SecondaryCaptureDeviceManufacturer": "ffa_keras",
        "SecondaryCaptureDeviceSoftwareVersions": __version__,
        "SeriesDescription": _WORDS,
        "ImageComments": _WORDS,
        "DerivationDescription": f"{_DERIVATION} (model {model})",
        "ContributingEquipmentSequence": [
            _item(
                PurposeOfReferenceCodeSequence=[_code(*_SYNTHESIZING)],
                Manufacturer="ffa_keras",
                ManufacturerModelName="ffa_keras",
                SoftwareVersions=__version__,
                ContributionDescription=f"{_DERIVATION} (model {model})",
            )
        ],
    }


def _compression(origin: Origin) -> dict[str, Any]:
    if origin.lossy is None:
        return {}
    said: dict[str, Any] = {
        "LossyImageCompression": "01" if origin.lossy else "00"
    }
    if origin.ratios and origin.methods:
        said["LossyImageCompressionRatio"] = list(origin.ratios)
        said["LossyImageCompressionMethod"] = list(origin.methods)
    return said


def _references(origin: Origin, hashed: Hashed) -> dict[str, Any]:
    """Return what points at the photograph."""
    image: dict[str, Any] = {
        "ReferencedSOPClassUID": origin.kind,
        "ReferencedSOPInstanceUID": _uid(hashed, "image", origin.image),
    }
    if origin.frame:
        image["ReferencedFrameNumber"] = origin.frame
    return {
        "SourceImageSequence": [
            _item(
                **image,
                SpatialLocationsPreserved="YES",
                PurposeOfReferenceCodeSequence=[_code(*_SOURCE)],
            )
        ],
        "ReferencedSeriesSequence": [
            _item(
                SeriesInstanceUID=_uid(hashed, "series", origin.series),
                ReferencedInstanceSequence=[_item(**image)],
            )
        ],
    }


def _pixels(image: np.ndarray) -> dict[str, Any]:
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": image.shape[0],
        "Columns": image.shape[1],
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "PixelData": image.tobytes() + bytes(image.size % 2),
    }


def _stamped(image: np.ndarray) -> np.ndarray:
    """Write the word at the bottom left, white in a black rim."""
    stamped = np.ascontiguousarray(image).copy()
    height, across = image.shape
    font = cv2.FONT_HERSHEY_SIMPLEX
    (width, _), _ = cv2.getTextSize(_STAMP, font, 1, 1)
    scale = across / 3 / width
    thickness = max(1, round(scale))
    place = (across // 50, height - 1 - height // 50)
    for level, wide in ((0, 4 * thickness), (255, thickness)):
        cv2.putText(
            stamped, _STAMP, place, font, scale, level, wide, cv2.LINE_AA
        )
    return stamped


def _uid(hashed: Hashed, kind: str, value: str) -> str:
    """Return what stands for a UID: the same for the same, and no way back."""
    return f"2.25.{uuid.UUID(hashed(kind, value), version=4).int}"


def _item(**attributes: Any) -> Dataset:
    item = Dataset()
    for name, value in attributes.items():
        setattr(item, name, value)
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    return _item(
        CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning
    )
