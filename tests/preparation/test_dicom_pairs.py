"""A DICOM export becomes a list of pairs, late phase first, without names."""

import numpy as np
import pytest

from datasets.ffa_pairs.base import Search
from datasets.ffa_pairs.configs import DicomConfig
from ffa_keras.errors import InputError
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.manifest import read_manifest

pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")

from ffa_keras.preparation.dicom_pairs import (  # noqa: E402
    list_pairs,
    write_pairs,
)
from tests.dicom_files import PLANTED, content, ophthalmic  # noqa: E402

pytestmark = pytest.mark.dicom

PAIR = make_pair(3, "normal", 96)
FUNDUS = np.ascontiguousarray(PAIR.fundus)
FFA = np.ascontiguousarray(PAIR.ffa[..., 0])
KEY = b"a secret of this clinic"


@pytest.fixture
def export(tmp_path):
    """Add an image to an export; its time is minutes after nine."""
    folder = tmp_path / "export"
    folder.mkdir()

    def add(name, role, minutes=0.0, frames=1, **attributes):
        image = FUNDUS if role == "COLOR" else FFA
        if frames > 1:
            image = np.stack([image] * frames)
        seconds = round(minutes * 60)
        clock = f"09{seconds // 60:02}{seconds % 60:02}"
        attributes = {"AcquisitionDateTime": f"20230517{clock}", **attributes}
        data = content(ophthalmic(image, role, **attributes))
        (folder / name).write_bytes(data)
        return folder

    return add


def test_the_frame_at_five_to_six_minutes_is_picked(export):
    folder = export("photo", "COLOR")
    for name, minutes in {"a": 1, "b": 3.2, "c": 6.4, "d": 10}.items():
        export(name, "FA", minutes)
    ((row,), notes) = list_pairs(folder, KEY)
    assert (row["fundus"], row["ffa"]) == ("photo", "c")
    assert row["minutes"] == "5.4"
    assert row["minutes_since"] == "first frame"
    assert row["seconds_after_injection"] == ""
    assert row["angiogram_frames"] == "4"
    assert notes == []


def test_minutes_count_from_the_injection_where_it_is_known(export):
    folder = export("photo", "COLOR")
    for name, minutes in {"a": 4, "b": 8.5}.items():
        export(name, "FA", minutes, ContrastBolusStartTime="090300")
    ((row,), _) = list_pairs(folder, KEY)
    assert (row["ffa"], row["minutes"]) == ("b", "5.5")
    assert row["minutes_since"] == "injection"
    assert row["seconds_after_injection"] == "330"


@pytest.mark.parametrize(
    "times",
    [{"FrameTime": 60e3}, {"FrameTimeVector": [0.0] + [60e3] * 8}],
    ids=["time", "vector"],
)
def test_of_a_series_the_frame_is_picked_by_its_time(export, times):
    folder = export("photo", "COLOR")
    export("series", "FA", 1, frames=9, **times)
    ((row,), _) = list_pairs(folder, KEY)
    assert row["minutes"] in ("5.0", "6.0")
    assert row["ffa_frame"] == str(int(float(row["minutes"])) + 1)


def test_an_early_angiogram_is_listed_and_said_to_be_early(export):
    folder = export("photo", "COLOR")
    export("a", "FA", 0.2)
    export("b", "FA", 0.9)
    ((row,), notes) = list_pairs(folder, KEY)
    assert row["ffa"] == "b"
    assert any("1 of 1 pairs have no frame as late" in note for note in notes)


def test_without_times_the_last_is_listed(export):
    folder = export("photo", "COLOR")
    nothing = dict.fromkeys(
        ("AcquisitionDateTime", "ContentDate", "ContentTime")
    )
    for name in "ab":
        export(name, "FA", **nothing)
    ((row,), notes) = list_pairs(folder, KEY)
    assert (row["ffa"], row["minutes"]) == ("b", "")
    assert any("do not say when" in note for note in notes)


def test_eyes_patients_and_days_are_never_mixed(export):
    people = {"1": "SECRETID1", "2": "SECRETID2"}
    for patient, identifier in people.items():
        for eye in "RL":
            for day in ("20230517", "20240517"):
                about = {
                    "PatientID": identifier,
                    "ImageLaterality": eye,
                    "StudyDate": day,
                }
                folder = export(f"f{patient}{eye}{day}", "COLOR", **about)
                export(f"a{patient}{eye}{day}", "FA", 5, **about)
    rows, _ = list_pairs(folder, KEY)
    assert len(rows) == 8
    assert all(row["fundus"][1:] == row["ffa"][1:] for row in rows)
    assert len({row["pair_id"] for row in rows}) == 8
    assert len({row["patient"] for row in rows}) == 2


def test_what_cannot_be_paired_is_counted_by_its_reason(export):
    folder = export("photo", "COLOR")
    export("a", "FA", 5)
    export("red-free", "REDFREE")
    export("no eye", "FA", ImageLaterality=None)
    export("nobody", "FA", PatientID="")
    export("burned", "FA", BurnedInAnnotation="YES")
    export("tomography", "FA", SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.5.4")
    export("alone", "COLOR", ImageLaterality="L")
    (folder / "DICOMDIR").write_bytes((folder / "a").read_bytes())
    (folder / "README").write_text("an export")
    rows, notes = list_pairs(folder, KEY)
    assert len(rows) == 1
    for reason in (
        "1 left out: neither a colour photograph",
        "1 left out: does not say which eye",
        "1 left out: says neither whose",
        "1 left out: text that identifies the patient",
        "1 left out: DICOM class Ophthalmic Tomography",
        "1 left out: an eye on a day of which there are no angiograms",
    ):
        assert any(note.startswith(reason) for note in notes), (reason, notes)


def test_an_export_without_pairs_is_refused(export, tmp_path):
    folder = export("photo", "COLOR")
    with pytest.raises(InputError, match="no photograph with an angiogram"):
        list_pairs(folder, KEY)
    with pytest.raises(InputError, match="no such folder"):
        list_pairs(tmp_path / "absent", KEY)


def test_the_list_is_a_manifest_without_any_name(export):
    folder = export("photo", "COLOR")
    export("series", "FA", 1, frames=3, FrameTime=120e3)
    rows, notes = list_pairs(folder, KEY)
    write_pairs(folder / "pairs.csv", rows, may_exist=False)
    (entry,) = read_manifest(folder / "pairs.csv")
    assert entry.frames == (None, 3)
    assert entry.fundus == folder / "photo"
    text = (folder / "pairs.csv").read_text() + "".join(notes)
    assert not any(secret in text for secret in PLANTED)
    assert not {cell for row in rows for cell in row.values()} & set(PLANTED)
    with pytest.raises(InputError, match="exists"):
        write_pairs(folder / "pairs.csv", rows, may_exist=False)


@pytest.mark.slow
def test_pairs_from_dicom_are_prepared_and_no_secret_is_in_any_file(
    tmp_path, run_program
):
    """An export, its list, splits added by hand, the usual way."""
    folder, key = tmp_path / "export", tmp_path / "key"
    key.write_bytes(KEY)
    folder.mkdir()
    for patient in range(4):
        pair = make_pair(20 + patient, "normal", 96)
        ffa = np.ascontiguousarray(pair.ffa[..., 0])
        about = {"PatientID": f"SECRETID471{patient}"}
        photograph = ophthalmic(pair.fundus, **about)
        series = ophthalmic(
            np.stack([ffa // 2, ffa]), "FA", FrameTime=330e3, **about
        )
        for name, dataset in {"photo": photograph, "series": series}.items():
            (folder / f"{patient}{name}").write_bytes(content(dataset))
    prepare = "-m", "datasets.ffa_pairs", f"--key_file={key}"
    listed = run_program(*prepare, "--config=dicom", f"--dicom_dir={folder}")
    assert "listed 4 pairs" in listed.stdout
    manifest = folder / "pairs.csv"
    head, *rows = manifest.read_text().splitlines()
    splits = ("train", "train", "validation", "test")
    rows = [f"{r},{split}" for r, split in zip(rows, splits, strict=True)]
    manifest.write_text("\n".join([f"{head},split", *rows]) + "\n")
    prepared = run_program(
        *prepare, "--config=folder", f"--manifest={manifest}",
        "--assume_aligned", f"--data_dir={tmp_path / 'data'}",
    )  # fmt: skip
    assert "kept 4 of 4 pairs" in prepared.stdout
    files = [p for p in (tmp_path / "data").rglob("*") if p.is_file()]
    assert any("tfrecord" in path.name for path in files)
    written = b"".join(path.read_bytes() for path in files)
    for text in (listed, prepared):
        written += (text.stdout + text.stderr).encode()
    for secret in [*PLANTED, "PRIVATESECRET", "GEHEIMHERSTELLER"]:
        assert secret.encode() not in written, secret


def test_an_export_is_listed_and_never_packed_unseen(tmp_path):
    config = DicomConfig(name="dicom", dicom_dir=str(tmp_path))
    with pytest.raises(InputError, match="pairs.csv .* to --config=folder"):
        config.collect(Search(lambda: tmp_path, tmp_path, print))
