"""Frames, patches, subgroups, and the pictures of any system."""

import csv
import json

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.evaluate import evaluate_folders
from ffa_keras.evaluation.eyes import HeldOut, patches_of
from ffa_keras.evaluation.folders import Folders
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.rendering import intervals_note
from ffa_keras.evaluation.subgroups import groups_of_dataset, phase_of
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.report import REPORT_NAME
from ffa_keras.records.patches import PatchSampling


def _held(size=(50, 70), circular=True):
    rng = np.random.default_rng(0)
    fundus = rng.integers(1, 256, (*size, 3), np.uint8)
    real = rng.integers(1, 256, (*size, 1), np.uint8)
    eye = Eye(fundus, real, np.ones((*size, 1), bool))
    return HeldOut("0a1b", "p", "normal", eye, circular, eye_id="e")


def test_patches_lie_on_the_grid_and_their_circle_is_black():
    held = _held()
    sampling = PatchSampling(32, 40, 30, circular_mask="auto")
    patches = list(patches_of([held], sampling))
    # Rows 0 and 18, columns 0 and 30: the last ones touch the border.
    assert [p.pair for p in patches] == [f"0a1b-{n}" for n in range(4)]
    rows, columns = np.ogrid[:32, :40]
    inside = (rows - 15.5) ** 2 + (columns - 19.5) ** 2 <= 20**2
    # The paper's means are over patches.
    assert not any(p.eye_id for p in patches)
    last = held.eye.real[18:, 30:, 0]
    np.testing.assert_array_equal(
        patches[3].eye.real[..., 0], np.where(inside, last, 0)
    )
    assert not patches[3].eye.fundus[0, 0].any()
    np.testing.assert_array_equal(patches[3].eye.mask[..., 0], inside)


def test_a_photograph_that_is_no_disc_gives_whole_patches():
    sampling = PatchSampling(32, 40, 30, circular_mask="auto")
    for patch in patches_of([_held(circular=False)], sampling):
        assert patch.eye.mask.all() and patch.eye.real.all()
    assert not list(patches_of([_held((20, 70))], sampling))


@pytest.mark.parametrize(
    "seconds, phase",
    [
        ("12", "first minute"),
        ("60", "1 to 5 minutes"),
        ("300.5", "5 minutes and later, late"),
        ("", ""),
        ("soon", ""),
    ],
)
def test_an_angiogram_is_late_only_where_it_is_known_to_be(seconds, phase):
    assert phase_of(seconds) == phase


@pytest.fixture
def prepared(tmp_path):
    """The report of a preparation, and the manifest that it was made from."""
    (tmp_path / REPORT_NAME).write_text(
        "row,pair,seconds_after_injection\n2,aa,20\n4,cc,\n"
    )
    table = tmp_path / "pairs.csv"
    table.write_text("pair_id,sex,name\n1,f,Ada\n2,m,Bob\n3,m,Cyd\n")
    return tmp_path, table


def test_subgroups_of_a_dataset_are_those_of_the_manifests_line(prepared):
    folder, table = prepared
    assert groups_of_dataset(folder, str(table), ("sex",)) == {
        "aa": {"sex": "f", "phase": "first minute"},
        "cc": {"sex": "m"},
    }
    assert groups_of_dataset(folder, "", ()) == {
        "aa": {"phase": "first minute"},
        "cc": {},
    }


def test_a_column_that_names_people_or_is_not_there_is_refused(
    prepared, tmp_path
):
    folder, table = prepared
    with pytest.raises(InputError, match="no column age"):
        groups_of_dataset(folder, str(table), ("age",))
    names = "\n".join(f"{n},patient {n}" for n in range(20))
    table.write_text(f"pair_id,name\n{names}\n")
    with pytest.raises(InputError, match="name has 20 values.*make bands"):
        groups_of_dataset(folder, str(table), ("name",))
    table.write_text("pair_id,sex\n1,f\n")
    with pytest.raises(InputError, match="give the manifest itself"):
        groups_of_dataset(folder, str(table), ("sex",))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Real FFA of phantoms, and a system that blurs them."""
    folder = tmp_path_factory.mktemp("pictures")
    with (folder / "meta.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            ["image", "patient", "eye", "sex", "seconds_after_injection"]
        )
        for number in range(2):
            pair = make_pair(number, "normal", 96, matrix=np.eye(3))
            blurred = cv2.GaussianBlur(pair.ffa, (0, 0), 1)
            for name, image in (
                ("real", pair.ffa),
                ("theirs", blurred),
                ("fundus", pair.fundus[..., ::-1]),
            ):
                (folder / name).mkdir(exist_ok=True)
                path = folder / name / f"Miller_{number}.png"
                cv2.imwrite(str(path), np.ascontiguousarray(image))
            table.writerow(
                [f"Miller_{number}.png", "m", "OS", "fm"[number % 2], 400]
            )
    return folder


def _folders(pictures, **changed):
    return Folders(
        **{
            "predictions": str(pictures / "theirs"),
            "references": str(pictures / "real"),
            **changed,
        }
    )


def test_pictures_of_any_system_get_the_whole_report(pictures, tmp_path):
    folders = _folders(pictures, photographs=str(pictures / "fundus"))
    how = Protocol(table=str(pictures / "meta.csv"), subgroups="sex")
    report = evaluate_folders(folders, str(tmp_path / "out"), how)
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert list(written["answers"]) == [
        "predictions",
        "best constant",
        "inverted green channel",
        "flattened green channel",
        "equalised green channel",
        "real FFA",
    ]
    groups = written["answers"]["predictions"]["groups"]
    # Two images of the left eye of one patient.
    assert groups["all"]["psnr"]["n"] == 1
    assert groups["all"]["psnr"]["images"] == 2
    facts = written["facts"]
    counted = facts["images"], facts["eyes"], facts["patients"]
    assert counted == (2, 1, 1)
    assert "right by construction" in facts["truth of leaks"]
    assert groups["sex: f"]["psnr"]["of"] == 1
    assert groups["phase: 5 minutes and later, late"]["psnr"]["of"] == 1
    image = cv2.imread(str(pictures / "theirs" / "Miller_0.png"), 0)
    real = cv2.imread(str(pictures / "real" / "Miller_0.png"), 0)
    first = written["answers"]["predictions"]["images"][0]
    assert first["pair"] == "0001"
    assert first["psnr"] == pytest.approx(cv2.PSNR(image, real), abs=1e-6)
    for path in (tmp_path / "out").rglob("*"):
        assert "Miller" not in path.name
        if path.suffix in (".json", ".md", ".html"):
            assert "Miller" not in path.read_text()
    assert not report.audited


def test_a_side_without_a_patient_is_refused(pictures, tmp_path):
    # Else the left eyes of all unknown patients would be one eye.
    table = tmp_path / "meta.csv"
    table.write_text("image,patient,eye\nMiller_0.png,m,OS\nMiller_1.png,,OS\n")
    with pytest.raises(InputError, match="Miller_1.png has an eye and no pat"):
        evaluate_folders(
            _folders(pictures),
            str(tmp_path / "out"),
            Protocol(table=str(table)),
        )
    assert not (tmp_path / "out").exists()


def test_without_photographs_or_table_the_real_ffa_is_enough(
    pictures, tmp_path
):
    report = evaluate_folders(_folders(pictures), str(tmp_path / "out"))
    assert list(report.systems) == [
        "predictions",
        "best constant",
        "real FFA",
    ]
    assert report.groups() == ["all"]
    # Whose eyes they are is not told, and the report does not make it up.
    assert not {"eyes", "patients"} & report.facts.keys()
    assert report.systems["predictions"].groups["all"]["psnr"].n == 2
    assert "their patients unknown" in intervals_note(report)


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"predictions": "nowhere"}, "--predictions=nowhere: no such folder"),
        ({"predictions": "{}/empty"}, "holds no picture"),
        ({"masks": "{}/few"}, "no picture for Miller_1.png of --references"),
        ({"masks": "{}/odd"}, "Miller_0.png: not of the size of"),
        ({"predictions": "{}/odd"}, "predictions: predicts images of shape"),
    ],
)
def test_folders_that_do_not_match_are_refused(
    pictures, tmp_path, changed, message
):
    (tmp_path / "empty").mkdir()
    for name, numbers, side in (("few", [0], 96), ("odd", range(2), 80)):
        (tmp_path / name).mkdir()
        for n in numbers:
            image = np.full((side, side), 255, np.uint8)
            cv2.imwrite(str(tmp_path / name / f"Miller_{n}.png"), image)
    changed = {k: v.format(tmp_path) for k, v in changed.items()}
    with pytest.raises(InputError, match=message):
        evaluate_folders(_folders(pictures, **changed), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_averaged_answers_are_judged_and_called_so():
    def by_place(fundus):
        """Bright where the picture's upper left corner is."""
        answer = np.zeros((*fundus.shape[:2], 1), np.uint8)
        answer[:4, :4] = 80
        return answer

    photograph = np.zeros((16, 16, 3), np.uint8)
    plain, averaged = Protocol(), Protocol(average_flips=True)
    assert plain.answers_of(by_place)(photograph).max() == 80
    # Two positions of eight put a picture's corner into each of four.
    assert averaged.answers_of(by_place)(photograph).max() == 20
    assert "averaged" in averaged.describe()
    assert "averaged" not in plain.describe()
