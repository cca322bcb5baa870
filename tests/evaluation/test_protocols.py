"""Frames, patches, subgroups, and the pictures of any system."""

import csv
import json

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import CHANCE
from ffa_keras.evaluation.evaluate import evaluate_folders
from ffa_keras.evaluation.eyes import HeldOut, patches_of, with_chance
from ffa_keras.evaluation.folders import Folders
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.rendering import intervals_note
from ffa_keras.evaluation.subgroups import groups_of_dataset, phase_of
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.report import REPORT_NAME
from ffa_keras.preparation.splits import hashed_id, read_key
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
        "inverted green channel",
        "flattened green channel",
        "equalised green channel",
        "best constant",
        "real FFA",
    ]
    # Of a single patient there is neither chance nor a mean of others.
    assert "cannot be told from" in written["facts"]["vessels"]
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
        "mean FFA of other eyes",
        "best constant",
        "real FFA of another eye",
        "real FFA",
    ]
    assert report.groups() == ["all"]
    assert "vessels" not in report.facts
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
        ({"predictions": "{}/odd"}, "odd/Miller_0.png: not of the size of"),
        ({"masks": "{}/black"}, "black/Miller_0.png: leaves nothing to judge"),
        ({"references": "{}/black"}, "Miller_0.png: leaves nothing to judge"),
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
    (tmp_path / "black").mkdir()
    for n in range(2):
        image = np.zeros((96, 96), np.uint8)
        cv2.imwrite(str(tmp_path / "black" / f"Miller_{n}.png"), image)
    changed = {k: v.format(tmp_path) for k, v in changed.items()}
    with pytest.raises(InputError, match=message):
        evaluate_folders(_folders(pictures, **changed), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def _table(tmp_path, *lines):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.parametrize(
    "lines, columns, message",
    [
        (["image,sex", "Miller_0,f", "Miller_0.png,m"], "", "two lines for Mi"),
        (["image,sex", "Miller_0,f"], "", "has no Miller_1.png, nor 0 more"),
        (["image,sex", "Miller_0,f"], "age", "no column age; it has image, s"),
        *(
            (["image,seconds_after_injection", f"Miller_0,{text}"], "", "no nu")
            for text in ("5:10", "-5", "inf", "nan", "late")
        ),
    ],
)
def test_tables_that_cannot_be_meant_are_refused(
    pictures, tmp_path, lines, columns, message
):
    how = Protocol(table=_table(tmp_path, *lines), subgroups=columns)
    with pytest.raises(InputError, match=message):
        list(_folders(pictures).eyes(how.table, how.columns))


def test_a_mask_may_be_of_0_and_1(pictures, tmp_path):
    mask = np.zeros((96, 96), np.uint8)
    mask[20:60, 20:60] = 1
    for folder, white in (("one", 1), ("white", 255)):
        (tmp_path / folder).mkdir()
        for n in range(2):
            path = tmp_path / folder / f"Miller_{n}.png"
            cv2.imwrite(str(path), mask * white)
    masks = [
        [h.eye.mask for h in _folders(pictures, masks=str(folder)).eyes("", ())]
        for folder in (tmp_path / "one", tmp_path / "white")
    ]
    np.testing.assert_array_equal(*masks)
    assert (masks[0][0][..., 0] == (mask > 0)).all()


@pytest.fixture
def deep(tmp_path):
    """Two angiograms of 16 bits, the second one half as bright."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 4096, (64, 64)).astype(np.uint16)
    for folder in ("theirs", "real"):
        (tmp_path / folder).mkdir()
        # Stems with dots, and a prediction that nobody asked for.
        for name, factor in (("1.5", 1), ("2.5", 2)):
            path = tmp_path / folder / f"{name}.png"
            cv2.imwrite(str(path), image // (16 * factor) * 16)
    cv2.imwrite(str(tmp_path / "theirs" / "3.5.png"), image)
    return tmp_path


def test_files_of_16_bits_keep_their_brightness_among_themselves(deep, capsys):
    table = _table(deep, "image,patient", "1.5,a", "2.5.png,b")
    first, second = _folders(deep).eyes(table, ())
    assert (first.patient, second.patient) == ("a", "b")
    ratio = first.eye.real.mean() / second.eye.real.mean()
    assert ratio == pytest.approx(2, rel=0.02)
    assert (first.predictions["predictions"] == first.eye.real).all()
    told = capsys.readouterr().out
    assert "1 predictions have no reference and are not judged, 3.5.png" in told


def test_the_mean_is_of_the_other_patients_eyes(deep):
    real = [h.eye.real for h in _folders(deep).eyes("", ())]
    means = [
        h.beside["mean FFA of other eyes"] for h in _folders(deep).eyes("", ())
    ]
    np.testing.assert_array_equal(means[0], real[1])
    np.testing.assert_array_equal(means[1], real[0])
    # In the size of each, whatever the patient's other ones have.
    rng = np.random.default_rng(0)
    for folder in ("theirs", "real"):
        image = rng.integers(0, 4096, (40, 50)).astype(np.uint16)
        cv2.imwrite(str(deep / folder / "4.5.png"), image)
    table = _table(deep, "image,patient", "1.5,a", "2.5,b", "4.5,a")
    for held in _folders(deep).eyes(table, ()):
        mean = held.beside["mean FFA of other eyes"]
        assert mean.shape == held.eye.real.shape
    for folder in ("theirs", "real"):
        (deep / folder / "4.5.png").unlink()
    table = _table(deep, "image,patient", "1.5,a", "2.5,a")
    for held in _folders(deep).eyes(table, ()):
        assert list(held.beside) == ["best constant"]


def test_chance_is_the_real_ffa_of_another_patient():
    def held(patient, level, side=20):
        real = np.full((side, side, 1), level, np.uint8)
        eye = Eye(np.repeat(real, 3, -1), real, real > 0)
        return HeldOut(f"{level}", patient, "", eye)

    eyes = [held("a", 1), held("a", 2), held("b", 3, 30), held("a", 4)]
    chance = [h.beside[CHANCE] for h in with_chance(eyes)]
    assert [int(c.max()) for c in chance] == [3, 3, 2, 3]
    for image, own in zip(chance, eyes, strict=True):
        assert image.shape == own.eye.real.shape
    alone = [held("a", 1), held("a", 2)]
    assert [h.beside for h in with_chance(alone)] == [{}, {}]
    # Who nobody knows is somebody else.
    assert all(h.beside for h in with_chance([held("", 1), held("", 2)]))


def test_lines_of_a_manifest_are_found_by_the_hashes_of_their_pairs(
    tmp_path, capsys
):
    key_file = tmp_path / "hash.key"
    key = read_key(key_file)
    rows = [f"{n + 2},{hashed_id(key, 'pair', str(n))}," for n in range(3)]
    (tmp_path / REPORT_NAME).write_text(
        "\n".join(["row,pair,seconds_after_injection", *rows, ""])
    )
    sexes = {"0": "f", "1": "m", "2": "f"}
    expected = {
        hashed_id(key, "pair", name): {"sex": sex}
        for name, sex in sexes.items()
    }
    for order in ("012", "201"):
        lines = [f"{name},{sexes[name]}" for name in order]
        table = _table(tmp_path, "pair_id,sex", *lines)
        found = groups_of_dataset(tmp_path, table, ("sex",), str(key_file))
        assert found == expected
    assert not capsys.readouterr().out
    other = _table(tmp_path, "pair_id,sex", "0,f", "1,m", "7,m")
    with pytest.raises(InputError, match="prepared from line 4, nor of 0 more"):
        groups_of_dataset(tmp_path, other, ("sex",), str(key_file))
    for key_file in ("", str(tmp_path / "absent.key")):
        groups_of_dataset(tmp_path, other, ("sex",), key_file)
        assert "taken by their number" in capsys.readouterr().out
    assert not (tmp_path / "absent.key").exists()


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
