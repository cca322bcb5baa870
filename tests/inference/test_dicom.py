"""Answers as DICOM: labelled, valid, and nothing of the patient in them."""

import contextlib
import importlib.util
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import read_ffa, write_png
from ffa_keras.inference import predict as predict_module
from ffa_keras.inference.files import NUMBERS, STEMS
from ffa_keras.inference.predict import predict
from ffa_keras.phantom import make_pair

pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")
pytest.importorskip("gdcm", reason="needs ffa_keras[dicom]")

import pydicom  # noqa: E402
from pydicom import uid  # noqa: E402

from ffa_keras.inference.dicom import DicomOutput  # noqa: E402
from tests.dicom_files import (  # noqa: E402
    ENCODERS,
    PLANTED,
    SECRETS,
    content,
    ophthalmic,
)

pytestmark = pytest.mark.dicom

FUNDUS = np.ascontiguousarray(make_pair(3, "normal", 128).fundus[:121, :101])
KEY = b"a secret of this clinic"


@pytest.fixture
def translate(tmp_path, monkeypatch):
    """Translate by the green channel, which needs no model; DICOM answers."""
    monkeypatch.setattr(
        predict_module,
        "load_translator",
        lambda _: lambda fundus: fundus[..., 1:2],
    )
    monkeypatch.setattr(predict_module, "fingerprint", lambda *_: "green, 0123")

    def run(sources, stamp=False, names=STEMS, **options):
        return predict(
            "green",
            str(sources),
            str(tmp_path / "out"),
            names=names,
            dicom=DicomOutput(KEY, stamp),
            **options,
        )

    return run


@pytest.fixture
def photograph(tmp_path):
    """A DICOM photograph, once compressed with loss, in a folder."""
    dataset = ophthalmic(
        FUNDUS,
        LossyImageCompression="01",
        LossyImageCompressionRatio=[12.5],
        LossyImageCompressionMethod=["ISO_10918_1"],
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in/eye.dcm").write_bytes(content(dataset))
    return tmp_path / "in/eye.dcm"


@pytest.fixture
def answer(translate, photograph, tmp_path):
    """Path of its answer."""
    assert translate(photograph) == 0
    return tmp_path / "out/eye.dcm"


def test_the_dicom_file_holds_the_pixels_of_the_png(answer):
    png = read_ffa(answer.with_suffix(".png"))
    np.testing.assert_array_equal(png, FUNDUS[..., 1:2])
    np.testing.assert_array_equal(
        pydicom.dcmread(answer).pixel_array, png[..., 0]
    )
    np.testing.assert_array_equal(read_ffa(answer), png)


def test_of_a_picture_nobody_knows_whether_text_is_burned_in(
    translate, tmp_path
):
    write_png(tmp_path / "in/eye.png", FUNDUS)
    assert translate(tmp_path / "in") == 0
    dataset = pydicom.dcmread(tmp_path / "out/eye.dcm")
    assert "BurnedInAnnotation" not in dataset


def test_it_says_that_it_is_synthetic_and_by_what(answer):
    dataset = pydicom.dcmread(answer)
    assert dataset.SOPClassUID == uid.SecondaryCaptureImageStorage
    assert dataset.SyntheticData == "YES"
    assert dataset.ImageType == ["DERIVED", "SECONDARY"]
    assert dataset.BurnedInAnnotation == "NO"
    assert "SYNTHETIC" in dataset.SeriesDescription
    assert "not for clinical use" in dataset.ImageComments
    assert "no contrast agent" in dataset.DerivationDescription
    (equipment,) = dataset.ContributingEquipmentSequence
    (purpose,) = equipment.PurposeOfReferenceCodeSequence
    assert purpose.CodeValue == "109100"
    assert "green, 0123" in equipment.ContributionDescription
    assert not [e for e in dataset if "Contrast" in e.keyword]


def test_it_inherits_that_the_photograph_was_lossy_and_the_eye(answer):
    dataset = pydicom.dcmread(answer)
    assert dataset.LossyImageCompression == "01"
    assert dataset.LossyImageCompressionRatio == 12.5
    assert dataset.LossyImageCompressionMethod == "ISO_10918_1"
    assert dataset.Laterality == "R"


@pytest.mark.parametrize(
    ("syntax", "lossy"),
    [(uid.JPEGBaseline8Bit, "01"), (uid.RLELossless, "00")],
    ids=["JPEG", "RLE"],
)
def test_a_lossy_transfer_syntax_is_lossy_whatever_the_header_says(
    translate, tmp_path, syntax, lossy
):
    (tmp_path / "a.dcm").write_bytes(content(ENCODERS[syntax][0](FUNDUS)))
    assert translate(tmp_path / "a.dcm") == 0
    dataset = pydicom.dcmread(tmp_path / "out/a.dcm")
    assert dataset.LossyImageCompression == lossy


def test_its_references_are_of_the_photograph_by_hashes(answer, photograph):
    dataset = pydicom.dcmread(answer)
    (source,) = dataset.SourceImageSequence
    assert source.ReferencedSOPClassUID == (
        uid.OphthalmicPhotography8BitImageStorage
    )
    assert source.SpatialLocationsPreserved == "YES"
    (series,) = dataset.ReferencedSeriesSequence
    (image,) = series.ReferencedInstanceSequence
    assert image.ReferencedSOPInstanceUID == source.ReferencedSOPInstanceUID
    uids = {
        dataset.SOPInstanceUID,
        dataset.SeriesInstanceUID,
        dataset.StudyInstanceUID,
        series.SeriesInstanceUID,
        image.ReferencedSOPInstanceUID,
    }
    assert len(uids) == 5
    assert all(code.is_valid and len(code) <= 64 for code in uids)


def test_eyes_of_a_study_stay_together_and_another_key_parts_them(
    translate, tmp_path
):
    (tmp_path / "in").mkdir()
    for name, eye in {"r": "R", "l": "L"}.items():
        dataset = ophthalmic(
            FUNDUS, ImageLaterality=eye, SOPInstanceUID=f"1.2.3.{ord(eye)}"
        )
        (tmp_path / f"in/{name}.dcm").write_bytes(content(dataset))
    assert translate(tmp_path / "in") == 0
    right, left = (
        pydicom.dcmread(tmp_path / f"out/{name}.dcm") for name in "rl"
    )
    for name in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"):
        assert getattr(right, name) == getattr(left, name)
    assert right.SOPInstanceUID != left.SOPInstanceUID
    other = DicomOutput(b"the secret of another")
    image = np.zeros((9, 9), np.uint8)
    file = tmp_path / "other.dcm"
    file.write_bytes(
        other.content(tmp_path / "in/r.dcm", None, image, "green, 0123")
    )
    assert pydicom.dcmread(file).PatientID != right.PatientID


def _all_files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_nothing_of_the_patient_is_in_any_output_or_word(
    translate, tmp_path, capfd
):
    """Secrets stand in every attribute that could hold one, and in the text."""
    (tmp_path / "in").mkdir()
    files = {
        "good": content(ophthalmic(FUNDUS)),
        "burned": content(ophthalmic(FUNDUS, BurnedInAnnotation="YES")),
        "other": content(ophthalmic(FUNDUS, SOPClassUID="1.2.3.4711.9")),
        "kind": content(
            ophthalmic(FUNDUS, PhotometricInterpretation="SECRETID471")
        ),
        "frames": content(ophthalmic(FUNDUS, NumberOfFrames="7")),
        "cut": content(ophthalmic(FUNDUS))[:2000],
    }
    for name, data in files.items():
        (tmp_path / "in" / name).write_bytes(data)
    assert translate(tmp_path / "in", names=NUMBERS) == len(files) - 1
    printed = "".join(capfd.readouterr())
    assert printed.count("skipped ") == len(files) - 1
    written = _all_files(tmp_path / "out")
    assert {path.suffix for path in written} == {".png", ".dcm", ".csv"}
    for secret in [*PLANTED, "PRIVATESECRET", "GEHEIMHERSTELLER"]:
        assert secret not in printed
        for path in written:
            assert secret.encode() not in path.read_bytes(), (secret, path)


def test_a_photograph_that_is_taken_away_costs_its_own_line(
    translate, tmp_path, monkeypatch, capsys
):
    """Of a card that is pulled out, say, before its header is read again."""
    (tmp_path / "in").mkdir()
    for name in "abc":
        write_png(tmp_path / f"in/{name}.png", FUNDUS)

    def green(fundus):
        (tmp_path / "in/a.png").unlink(missing_ok=True)
        return fundus[..., 1:2]

    monkeypatch.setattr(predict_module, "load_translator", lambda _: green)
    assert translate(tmp_path / "in") == 1
    assert "skipped " in (error := capsys.readouterr().err)
    assert "a.png: no such file or directory; check the path" in error
    answers = sorted(path.name for path in (tmp_path / "out").glob("*.dcm"))
    assert answers == ["b.dcm", "c.dcm"]


def test_only_attributes_that_were_listed_are_written(answer):
    """Whatever else a photograph's file holds, it cannot come along."""
    dataset = pydicom.dcmread(answer)
    values = {str(e.value) for e in dataset.iterall() if e.VR != "SQ"}
    shared = values & set(SECRETS.values())
    assert not shared
    empty = {e.keyword for e in dataset if e.VR != "SQ" and e.is_empty}
    assert empty == {
        "AccessionNumber", "PatientBirthDate", "PatientName",
        "PatientOrientation", "PatientSex", "ReferringPhysicianName",
        "StudyDate", "StudyID", "StudyTime",
    }  # fmt: skip
    assert not [e for e in dataset.iterall() if e.tag.is_private]
    dates = [e for e in dataset.iterall() if e.VR in ("DA", "TM", "DT")]
    assert not any(e.value for e in dates)


def test_a_photograph_in_another_format_gets_one_too(translate, tmp_path):
    write_png(tmp_path / "a.png", FUNDUS)
    assert translate(tmp_path / "a.png") == 0
    dataset = pydicom.dcmread(tmp_path / "out/a.dcm")
    assert dataset.SyntheticData == "YES"
    assert dataset.PatientID == ""
    assert "SourceImageSequence" not in dataset
    assert "LossyImageCompression" not in dataset


def test_the_stamp_is_in_the_dicom_file_only(translate, tmp_path):
    large = np.ascontiguousarray(FUNDUS.repeat(6, 0).repeat(6, 1))
    photograph = tmp_path / "eye.dcm"
    photograph.write_bytes(content(ophthalmic(large)))
    assert translate(photograph, stamp=True) == 0
    stamped = read_ffa(tmp_path / "out/eye.dcm")
    plain = read_ffa(tmp_path / "out/eye.png")
    np.testing.assert_array_equal(plain, large[..., 1:2])
    changed = (stamped != plain)[..., 0]
    rows, columns = np.nonzero(changed)
    assert rows.min() > 0.8 * len(changed)
    assert columns.max() < 0.5 * changed.shape[1]
    assert stamped[changed].max() == 255 and stamped[changed].min() == 0


def test_the_same_answer_is_the_same_file_and_is_kept(
    translate, photograph, answer
):
    before, made = answer.read_bytes(), answer.stat().st_mtime_ns
    assert translate(photograph, resume=True) == 0
    assert (answer.read_bytes(), answer.stat().st_mtime_ns) == (before, made)
    answer.write_bytes(before[:700])
    assert translate(photograph, resume=True) == 0
    assert answer.read_bytes() == before
    with pytest.raises(InputError, match="files exist"):
        translate(photograph)
    answer.write_bytes(b"a file of the user's")
    with pytest.raises(InputError, match="was not made by this program"):
        translate(photograph, overwrite=True)


def test_a_photograph_is_never_replaced_by_its_answer(
    translate, photograph, tmp_path
):
    (tmp_path / "out").mkdir()
    inside = shutil.copy(photograph, tmp_path / "out/eye.dcm")
    with pytest.raises(InputError, match="is the photograph"):
        translate(inside, overwrite=True)


def test_a_folder_of_an_export_is_searched_by_content(translate, tmp_path):
    """Exports name files by UID, without a suffix, beside a DICOMDIR."""
    folder = tmp_path / "in/DICOM"
    folder.mkdir(parents=True)
    for number in (1, 2):
        data = content(ophthalmic(FUNDUS))
        (folder / f"1.2.840.{number}").write_bytes(data)
    (folder / "DICOMDIR").write_bytes(data)
    (folder / "README").write_text("an export")
    assert translate(tmp_path / "in") == 0
    names = {path.name for path in _all_files(tmp_path / "out")}
    assert names == {
        "1.2.840.1.png", "1.2.840.1.dcm", "1.2.840.2.png", "1.2.840.2.dcm",
        "report.csv",
    }  # fmt: skip


def test_a_frame_can_be_named(translate, tmp_path):
    frames = np.stack([FUNDUS[..., 0], FUNDUS[..., 1]])
    dataset = ophthalmic(frames, "RED")
    (tmp_path / "a.dcm").write_bytes(content(dataset))
    assert translate(tmp_path / "a.dcm") == 1
    assert translate(tmp_path / "a.dcm", frame=2, overwrite=True) == 0
    np.testing.assert_array_equal(
        read_ffa(tmp_path / "out/a.png")[..., 0], frames[1]
    )
    (source,) = pydicom.dcmread(tmp_path / "out/a.dcm").SourceImageSequence
    assert source.ReferencedFrameNumber == 2


# --- what others say of the files --------------------------------------------


def _tool(name):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    return name


@pytest.mark.parametrize("kind", ["DICOM", "PNG"])
def test_dciodvfy_finds_no_error(translate, photograph, tmp_path, kind):
    """But for SyntheticData, which is younger than that program."""
    source = photograph
    if kind == "PNG":
        source = tmp_path / "eye.png"
        write_png(source, FUNDUS)
    assert translate(source, stamp=True) == 0
    done = subprocess.run(
        [_tool("dciodvfy"), tmp_path / "out/eye.dcm"],
        capture_output=True, text=True,
    )  # fmt: skip
    errors = [
        line
        for line in done.stderr.splitlines()
        if line.startswith("Error") and "(0x0008,0x001c)" not in line
    ]
    assert "SCImage" in done.stderr
    assert errors == []


def test_dcmdump_reads_it_to_the_end(answer):
    done = subprocess.run(
        [_tool("dcmdump"), answer], capture_output=True, text=True, check=True
    )
    assert "(7fe0,0010) OB" in done.stdout
    assert done.stderr == ""


def _tables():
    found = importlib.util.find_spec("highdicom")
    if not found:
        pytest.skip("highdicom is not installed")
    folder = Path(found.submodule_search_locations[0], "_standard")
    return [
        json.loads((folder / f"{name}.json").read_text())
        for name in ("iod_module_map", "module_attribute_map")
    ]


def test_the_tables_of_the_standard_find_all_they_ask_for(answer):
    """Attributes of type 1 have values and those of type 2 are there."""
    modules, attributes = _tables()
    dataset = pydicom.dcmread(answer)
    known = set()
    for module in modules["secondary-capture-image"]:
        listed = attributes[module["key"]]
        known |= {a["keyword"] for a in listed if not a["path"]}
        used = module["usage"] == "M"
        for attribute in listed:
            # In each item of the sequences that are there.
            items = [dataset] if used else []
            for keyword in attribute["path"]:
                items = [i for item in items for i in item.get(keyword, [])]
            for item in items:
                name, kind = attribute["keyword"], attribute["type"]
                assert kind not in "12" or name in item, (module, name)
                assert kind != "1" or not item[name].is_empty, (module, name)
    unknown = {element.keyword for element in dataset} - known
    # That may be younger than the tables.
    assert unknown <= {"SyntheticData"}


@contextlib.contextmanager
def _orthanc(folder):
    """Run a PACS on the loopback address; yield its DICOM port."""
    program = shutil.which("Orthanc") or shutil.which(
        "Orthanc", path="/usr/sbin:/usr/local/sbin"
    )
    if not program:
        pytest.skip("Orthanc is not installed")
    ports = []
    for _ in range(2):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "DicomPort": ports[0],
        "HttpPort": ports[1],
        "RemoteAccessAllowed": False,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowFind": True,
    }
    folder.mkdir()
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(
            [program, folder / "orthanc.json"], stdout=log, stderr=log
        )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", ports[0]), 1).close()
                break
            time.sleep(0.2)
        else:
            pytest.fail((folder / "log").read_text()[-1000:])
        yield ports[0]
    finally:
        server.terminate()
        server.wait(30)


def test_a_pacs_stores_it_and_gives_back_what_it_was_given(answer, tmp_path):
    """Orthanc, over the network protocol of hospitals."""
    pynetdicom = pytest.importorskip(
        "pynetdicom", reason="pynetdicom is not installed"
    )
    kind = uid.SecondaryCaptureImageStorage
    get = "1.2.840.10008.5.1.4.1.2.2.3"  # Study Root: C-GET
    sent = pydicom.dcmread(answer)
    received = []

    def keep(event):
        received.append(event.dataset)
        return 0x0000

    with _orthanc(tmp_path / "pacs") as port:
        entity = pynetdicom.AE("FFA_KERAS")
        entity.add_requested_context(kind, uid.ExplicitVRLittleEndian)
        entity.add_requested_context(get)
        role = pynetdicom.build_role(kind, scp_role=True)
        association = entity.associate(
            "127.0.0.1", port,
            ext_neg=[role], evt_handlers=[(pynetdicom.evt.EVT_C_STORE, keep)],
        )  # fmt: skip
        assert association.is_established
        storing = entity.associate("127.0.0.1", port)
        assert storing.send_c_store(sent).Status == 0x0000
        storing.release()
        wanted = pydicom.Dataset()
        wanted.QueryRetrieveLevel = "IMAGE"
        for name in ("Study", "Series", "SOP"):
            attribute = f"{name}InstanceUID"
            setattr(wanted, attribute, getattr(sent, attribute))
        statuses = [s.Status for s, _ in association.send_c_get(wanted, get)]
        association.release()
    assert statuses[-1] == 0x0000
    (back,) = received
    assert back.SyntheticData == "YES"
    assert back.PixelData == sent.PixelData
    assert {e.tag: e.value for e in back} == {e.tag: e.value for e in sent}
