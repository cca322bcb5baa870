"""DICOM files as ophthalmic cameras export them, drawn from phantoms.

No ophthalmic file is in any package, so these are written attribute by
attribute, with secrets in every place where a hospital has a name.
"""

import io
import struct

import numpy as np
import pydicom
from PIL import Image
from pydicom import uid
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence

SECRETS = {
    "PatientName": "Geheimnis^Agathe",
    "PatientID": "SECRETID471",
    "PatientBirthDate": "19510203",
    "PatientAddress": "Geheimweg 12",
    "InstitutionName": "Geheimklinik",
    "ReferringPhysicianName": "Verborgen^Otto",
    "OperatorsName": "Heimlich^Ida",
    "AccessionNumber": "ACCSECRET9",
    "StudyID": "STUDYSECRET",
    "StudyDescription": "geheime Studie",
    "SeriesDescription": "geheime Serie",
    "ImageComments": "geheimer Befund",
    "StationName": "GEHEIMRAUM",
    "DeviceSerialNumber": "SERIALSECRET",
    "StudyDate": "20230517",
    "SeriesDate": "20230517",
    "StudyTime": "081522",
    "AcquisitionDateTime": "20230517081522",
    "ContentDate": "20230517",
    "ContentTime": "081522",
    "StudyInstanceUID": "1.2.3.4711.1",
    "SeriesInstanceUID": "1.2.3.4711.2",
    "SOPInstanceUID": "1.2.3.4711.3",
    "FrameOfReferenceUID": "1.2.3.4711.4",
}
_UID_OF_CLASS = uid.OphthalmicPhotography8BitImageStorage
# Of what a caller may plant and search for: none is a word of the program.
PLANTED = [value for value in SECRETS.values() if len(value) > 5]


def ophthalmic(image: np.ndarray, role: str = "COLOR", **attributes):
    """Return the dataset of an image, uncompressed.

    Args:
        image: uint8 or uint16 [H, W], [H, W, 3], or with frames in front
            [N, H, W] for `role` FA.
        role: fourth value of the image type.
        attributes: in the place of those of every file; `None` removes one.
    """
    colour = image.ndim > 2 and image.shape[-1] == 3
    frames = 1 if image.ndim == (3 if colour else 2) else len(image)
    rows, columns = image.shape[-3:-1] if colour else image.shape[-2:]
    bits = image.dtype.itemsize * 8
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    values = {
        **SECRETS,
        "SOPClassUID": _UID_OF_CLASS
        if bits == 8
        else uid.OphthalmicPhotography16BitImageStorage,
        "Modality": "OP",
        "ImageType": ["ORIGINAL", "PRIMARY", "", role],
        "Manufacturer": "Phantom cameras",
        "ImageLaterality": "R",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "InstanceNumber": 1,
        "NumberOfFrames": frames,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        **({"PlanarConfiguration": 0} if colour else {}),
        **attributes,
    }
    for name, value in values.items():
        if value is not None:
            setattr(dataset, name, value)
    secret = Dataset()
    secret.PatientName = SECRETS["PatientName"]
    dataset.ReferencedPatientSequence = Sequence([secret])
    dataset.add_new((0x0009, 0x0010), "LO", "GEHEIMHERSTELLER")
    dataset.add_new((0x0009, 0x1001), "LO", "PRIVATESECRET")
    content = np.ascontiguousarray(image).tobytes()
    dataset.PixelData = content + bytes(len(content) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def content(dataset: pydicom.Dataset) -> bytes:
    """Return a dataset as the bytes of a file."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _encapsulated(dataset, syntax, frames, photometric):
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(frames)
    dataset["PixelData"].VR = "OB"
    dataset.PhotometricInterpretation = photometric
    return dataset


def _by_pillow(kind, photometric, syntax, **options):
    def encode(image, role="COLOR", **attributes):
        file = io.BytesIO()
        Image.fromarray(image).save(file, kind, **options)
        dataset = ophthalmic(image, role, **attributes)
        colour = photometric if image.ndim == 3 else "MONOCHROME2"
        return _encapsulated(dataset, syntax, [file.getvalue()], colour)

    return encode


def _native(syntax):
    def encode(image, role="COLOR", **attributes):
        dataset = ophthalmic(image, role, **attributes)
        if syntax == uid.ExplicitVRBigEndian and image.dtype == np.uint16:
            dataset.PixelData = image.astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        return FileDataset(
            None, dataset, dataset.preamble, dataset.file_meta,
            syntax.is_implicit_VR, syntax.is_little_endian,
        )  # fmt: skip

    return encode


def _by_pydicom(syntax, plugin, **options):
    def encode(image, role="COLOR", **attributes):
        dataset = ophthalmic(image, role, **attributes)
        dataset.compress(
            syntax,
            generate_instance_uid=False,
            encoding_plugin=plugin,
            **options,
        )
        return dataset

    return encode


def _lossless_jpeg(image: np.ndarray, predictor: int) -> bytes:
    """Return a JPEG Lossless stream (ITU-T T.81, H), every code of 5 bits."""
    samples = image[..., None] if image.ndim == 2 else image
    rows, columns, channels = samples.shape
    precision = image.dtype.itemsize * 8
    values = samples.astype(np.int64)
    left, above = np.roll(values, 1, 1), np.roll(values, 1, 0)
    corner = np.roll(above, 1, 1)
    predicted = {1: left, 4: left + above - corner}[predictor]
    predicted[0, 1:] = values[0, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 2 ** (precision - 1)
    bits = []
    for difference in (values - predicted).ravel():
        modulo = int(difference + 2**15) % 2**16 - 2**15
        size = abs(modulo).bit_length()
        bits.append(f"{size:05b}")
        if 0 < size < 16:
            low = modulo if modulo > 0 else modulo + 2**size - 1
            bits.append(f"{low:0{size}b}")
    stream = "".join(bits)
    stream += "1" * (-len(stream) % 8)
    coded = int(stream, 2).to_bytes(len(stream) // 8, "big")
    parts = [bytes([number, 0x11, 0]) for number in range(1, channels + 1)]
    scans = [bytes([number, 0]) for number in range(1, channels + 1)]
    frame = struct.pack(">BHHB", precision, rows, columns, channels)
    counts = bytes([0, 0, 0, 0, 17]) + bytes(11)
    segments = (
        (0xC3, frame + b"".join(parts)),
        (0xC4, b"\0" + counts + bytes(range(17))),
        (0xDA, bytes([channels, *b"".join(scans), predictor, 0, 0])),
    )
    return b"".join(
        (
            b"\xff\xd8",
            *(
                struct.pack(">BBH", 0xFF, mark, len(body) + 2) + body
                for mark, body in segments
            ),
            coded.replace(b"\xff", b"\xff\0"),
            b"\xff\xd9",
        )
    )


def _lossless(syntax, predictor):
    def encode(image, role="COLOR", **attributes):
        dataset = ophthalmic(image, role, **attributes)
        frame = _lossless_jpeg(image, predictor)
        kind = dataset.PhotometricInterpretation
        return _encapsulated(dataset, syntax, [frame], kind)

    return encode


# For each transfer syntax what encodes an image, and whether that loses.
ENCODERS = {
    **{
        syntax: (_native(syntax), False)
        for syntax in (
            uid.ImplicitVRLittleEndian,
            uid.ExplicitVRLittleEndian,
            uid.ExplicitVRBigEndian,
            uid.DeflatedExplicitVRLittleEndian,
        )
    },
    uid.RLELossless: (_by_pydicom(uid.RLELossless, "pydicom"), False),
    uid.JPEGBaseline8Bit: (
        _by_pillow("JPEG", "YBR_FULL_422", uid.JPEGBaseline8Bit, quality=95),
        True,
    ),
    uid.JPEGLossless: (_lossless(uid.JPEGLossless, 4), False),
    uid.JPEGLosslessSV1: (_lossless(uid.JPEGLosslessSV1, 1), False),
    uid.JPEGLSLossless: (_by_pydicom(uid.JPEGLSLossless, "pyjpegls"), False),
    uid.JPEGLSNearLossless: (
        _by_pydicom(uid.JPEGLSNearLossless, "pyjpegls", jls_error=2),
        True,
    ),
    uid.JPEG2000Lossless: (
        _by_pillow(
            "JPEG2000", "YBR_RCT", uid.JPEG2000Lossless,
            irreversible=False, mct=1, no_jp2=True,
        ),
        False,
    ),
    uid.JPEG2000: (
        _by_pillow(
            "JPEG2000", "YBR_ICT", uid.JPEG2000,
            irreversible=True, mct=1, no_jp2=True,
            quality_mode="rates", quality_layers=[4],
        ),
        True,
    ),
}  # fmt: skip
