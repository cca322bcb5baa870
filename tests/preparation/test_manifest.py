"""The `pairs.csv` of a clinic: what is read from it and what is refused."""

import json

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import write_png
from ffa_keras.preparation.manifest import read_manifest
from ffa_keras.records.schema import CATEGORIES

# The FFA is the fundus moved by (1, -2).
LANDMARKS = {
    "fundus_xy": [[1, 2], [3, 40], [50, 6], [7, 8.5]],
    "ffa_xy": [[2, 0], [4, 38], [51, 4], [8, 6.5]],
}


@pytest.fixture
def folder(tmp_path):
    """A folder with two images and landmarks, and a writer of its manifest."""
    write_png(tmp_path / "images" / "a.png", np.zeros((4, 4, 3), np.uint8))
    write_png(tmp_path / "images" / "b.png", np.zeros((4, 4), np.uint8))
    (tmp_path / "marks.json").write_text(json.dumps(LANDMARKS))
    return tmp_path


def _write(folder, *lines):
    path = folder / "pairs.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


IMAGES = "images/a.png,images/b.png"


def test_every_column_is_read(folder):
    path = _write(
        folder,
        "pair_id,patient,eye,category,fundus,ffa,affine,split,note",
        f"p1,Ann,OD,large_focal,{IMAGES},1 0 5 0 1 -7,test,x",
    )
    (entry,) = read_manifest(path)
    assert (entry.pair_id, entry.patient, entry.category, entry.split) == (
        "p1",
        "Ann",
        "large_focal",
        "test",
    )
    assert entry.fundus == folder / "images" / "a.png"
    assert entry.ffa == folder / "images" / "b.png"
    np.testing.assert_array_equal(
        entry.matrix, [[1, 0, 5], [0, 1, -7], [0, 0, 1]]
    )


def test_an_early_frame_of_the_angiogram_may_be_named(folder):
    header = "pair_id,fundus,ffa,early_ffa"
    path = _write(folder, header, f"p1,{IMAGES},images/b.png", f"p2,{IMAGES},")
    first, second = read_manifest(path)
    assert first.files.early == folder / "images" / "b.png"
    assert second.files.early is None
    # A pair has two images still, but all files are looked at.
    assert len(first.paths) == 2 and len(first.images) == 3
    _write(folder, header, f"p1,{IMAGES},absent.png")
    with pytest.raises(InputError, match="line 2: the early_ffa file"):
        read_manifest(path)


def test_when_an_angiogram_was_taken_is_known_or_not(folder):
    header = "pair_id,fundus,ffa,seconds_after_injection"
    path = _write(folder, header, f"p1,{IMAGES},330.5", f"p2,{IMAGES},")
    assert [e.seconds for e in read_manifest(path)] == [330.5, None]
    for wrong in ("late", "-3", "nan", "90000"):
        path = _write(folder, header, f"p1,{IMAGES},{wrong}")
        with pytest.raises(InputError, match="line 2: seconds_after_injec.*0"):
            read_manifest(path)


def test_landmarks_give_the_transform_unless_an_affine_does(folder):
    path = _write(
        folder,
        "pair_id,fundus,ffa,landmarks,affine",
        f"p1,{IMAGES},marks.json,",
        f"p2,{IMAGES},marks.json,1 0 5 0 1 -7",
    )
    by_landmarks, by_affine = read_manifest(path)
    np.testing.assert_allclose(
        by_landmarks.matrix, [[1, 0, 1], [0, 1, -2], [0, 0, 1]], atol=1e-9
    )
    assert by_affine.matrix[0, 2] == 5


def test_homographies_and_aligned_pairs_are_read(folder):
    path = _write(
        folder,
        "pair_id,fundus,ffa,homography,aligned,affine",
        f"p1,{IMAGES},1 0 5 0 1 -7 0.001 0 1,,",
        f"p2,{IMAGES},,Yes,",
        f"p3,{IMAGES},,no,",
        f"p4,{IMAGES},1 0 5 0 1 -7 0 0 1,yes,1 0 6 0 1 8",
    )
    homography, aligned, unknown, affine = read_manifest(path)
    assert homography.given == "homography"
    assert homography.matrix[2, 0] == 0.001
    assert (aligned.given, aligned.matrix) == ("aligned", None)
    assert (unknown.given, unknown.matrix) == ("", None)
    assert (affine.given, affine.matrix[0, 2]) == ("affine", 6)
    assert [entry.row for entry in read_manifest(path)] == [2, 3, 4, 5]


@pytest.mark.parametrize("split_by", ["eye", "image"])
def test_a_patient_may_be_in_two_splits_where_eyes_or_images_are(
    folder, split_by
):
    path = _write(
        folder,
        "pair_id,patient,eye,split,fundus,ffa",
        f"p1,Ann,OD,train,{IMAGES}",
        f"p2,Ann,OS,test,{IMAGES}",
    )
    assert len(read_manifest(path, split_by)) == 2
    with pytest.raises(InputError, match="the patient 'Ann' is in the test"):
        read_manifest(path)


def test_only_three_columns_are_needed(folder):
    path = _write(folder, "pair_id,fundus,ffa", f"p1,{IMAGES}")
    (entry,) = read_manifest(path)
    assert entry.category == "unspecified"
    assert entry.matrix is entry.split is None


def test_a_photograph_or_an_angiogram_may_stand_alone(folder):
    path = _write(
        folder,
        "pair_id,fundus,ffa,affine",
        "p1,images/a.png,,",
        "p2,,images/b.png,",
        f"p3,{IMAGES},",
    )
    photograph, ffa, pair = read_manifest(path)
    assert [e.lone for e in (photograph, ffa, pair)] == ["fundus", "ffa", ""]
    assert photograph.paths == (folder / "images" / "a.png",)
    assert photograph.ffa is ffa.fundus is None
    _write(folder, "pair_id,fundus,ffa,aligned", "p1,images/a.png,,yes")
    with pytest.raises(InputError, match="line 2: aligned: says how a pair"):
        read_manifest(path)


def test_a_folder_stands_for_its_pairs_csv(folder):
    _write(folder, "pair_id,fundus,ffa", f"p1,{IMAGES}")
    assert read_manifest(folder)[0].pair_id == "p1"


def test_absolute_paths_spaces_and_a_byte_order_mark_are_accepted(folder):
    path = folder / "pairs.csv"
    fundus = (folder / "images" / "a.png").as_posix()
    path.write_text(
        f"\ufeffpair_id, fundus, ffa\np1, {fundus}, images/b.png \n",
        encoding="utf-8",
    )
    (entry,) = read_manifest(path)
    assert entry.fundus.is_file()
    assert entry.ffa.is_file()


def test_pairs_of_one_patient_or_one_eye_belong_together(folder):
    path = _write(
        folder,
        "pair_id,patient,eye,fundus,ffa",
        f"1,Ann,OD,{IMAGES}",
        f"2,Ann,OS,{IMAGES}",
        f"3,Ann,OD,{IMAGES}",
        f"4,Bob,OD,{IMAGES}",
        f"5,,eye_x,{IMAGES}",
        f"6,,eye_x,{IMAGES}",
        f"7,,,{IMAGES}",
        f"8,,,{IMAGES}",
    )
    entries = read_manifest(path)
    patients = [entry.patient for entry in entries]
    eyes = [entry.eye for entry in entries]
    assert patients[0] == patients[1] == patients[2]
    assert patients[4] == patients[5]
    assert len(set(patients)) == 5
    assert eyes[0] == eyes[2]
    assert eyes[4] == eyes[5]
    assert len(set(eyes)) == 6, "the right eyes of two patients are two eyes"


@pytest.mark.parametrize(
    ("columns", "cells", "message"),
    [
        ("category", "leaky", "unknown category 'leaky'.*optic_disc"),
        ("split", "dev", "unknown split 'dev'.*validation"),
        ("affine", "1 0 0 0 1", "affine"),
        ("affine", "1 0 0 0 1 nan", "affine"),
        ("affine", "a b c d e f", "affine"),
        ("homography", "1 0 5 0 1", "six numbers .* or nine"),
        ("aligned", "maybe", "aligned is 'maybe': write yes or no"),
        ("landmarks", "gone.json", "landmarks file .*gone.json is not there"),
        ("landmarks", "pairs.csv", "pairs.csv is not JSON"),
    ],
)
def test_a_bad_cell_is_named_with_its_line(folder, columns, cells, message):
    path = _write(
        folder, f"pair_id,fundus,ffa,{columns}", f"p1,{IMAGES},{cells}"
    )
    with pytest.raises(InputError, match=f"pairs.csv: line 2: .*{message}"):
        read_manifest(path)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {"fundus_xy": [[1, 2]] * 3, "ffa_xy": [[1, 2]] * 4},
        {"fundus_xy": [[1, 2]] * 2, "ffa_xy": [[1, 2]] * 2},
        {"fundus_xy": [[1, 2, 3]] * 4, "ffa_xy": [[1, 2, 3]] * 4},
        {"fundus_xy": [[1, None]] * 4, "ffa_xy": [[1, 2]] * 4},
        {"fundus_xy": [1, 2, 3], "ffa_xy": [1, 2, 3]},
        {"fundus_xy": [[n, n] for n in range(4)], "ffa_xy": [[1, 2]] * 4},
    ],
)
def test_bad_landmarks_are_refused(folder, content):
    (folder / "marks.json").write_text(json.dumps(content))
    path = _write(
        folder, "pair_id,fundus,ffa,landmarks", f"p1,{IMAGES},marks.json"
    )
    with pytest.raises(InputError, match="landmarks file .*marks.json"):
        read_manifest(path)


def test_all_problems_come_in_one_report(folder):
    (folder / "images" / "notes.txt").write_text("no image")
    path = _write(
        folder,
        "pair_id,patient,fundus,ffa,category,split",
        "p1,Ann,images/gone.png,images/b.png,normal,train",
        "p1,Ann,images/a.png,images/notes.txt,wrong,test",
        ",Bob,,,normal,",
    )
    with pytest.raises(InputError) as raised:
        read_manifest(path)
    message = str(raised.value)
    for part in (
        "line 2: the fundus file",
        "gone.png does not exist",
        "line 3: the ffa file",
        "notes.txt is none of",
        "line 3: unknown category 'wrong'",
        "line 4: the pair_id is empty",
        "line 4: neither a fundus nor an ffa file is named",
        "the pair_id 'p1' is given twice",
        "patient 'Ann' is in the test and the train split",
    ):
        assert part in message
    assert "\n" not in message


def test_a_long_report_is_cut(folder):
    rows = [f"p{n},gone{n}.png,images/b.png" for n in range(500)]
    path = _write(folder, "pair_id,fundus,ffa", *rows)
    with pytest.raises(InputError, match="and 480 more") as raised:
        read_manifest(path)
    assert len(str(raised.value)) < 5000


def test_an_empty_folder_and_absent_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="pairs.csv: no such manifest"):
        read_manifest(tmp_path)
    with pytest.raises(InputError, match="other.csv: no such manifest"):
        read_manifest(tmp_path / "other.csv")


def test_a_manifest_without_columns_or_rows_is_refused(folder):
    with pytest.raises(InputError, match="no column pair_id, fundus, ffa"):
        read_manifest(_write(folder, ""))
    with pytest.raises(InputError, match="no column ffa;"):
        read_manifest(_write(folder, "pair_id,fundus", "p1,images/a.png"))
    with pytest.raises(InputError, match="lists no pair"):
        read_manifest(_write(folder, "pair_id,fundus,ffa"))


def test_a_manifest_that_is_no_text_is_refused(folder):
    with pytest.raises(InputError, match="not UTF-8"):
        path = folder / "pairs.csv"
        path.write_bytes(b"\xff\xfe\x00\xd8pair_id")
        read_manifest(path)


def test_a_short_row_is_refused_by_its_line(folder):
    path = _write(folder, "pair_id,fundus,ffa", f"p1,{IMAGES}", "p2")
    with pytest.raises(InputError, match="line 3: neither a fundus"):
        read_manifest(path)


def test_the_order_of_the_categories_is_fixed():
    """Records store the index: reordering would relabel old datasets."""
    assert CATEGORIES == (
        "unspecified",
        "normal",
        "abnormal",
        "optic_disc",
        "large_focal",
        "punctate_focal",
    )
