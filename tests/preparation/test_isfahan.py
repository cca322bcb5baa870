"""The Isfahan archive: its defects, one by one, and all together."""

import collections
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.ffa_pairs.base import Search
from datasets.ffa_pairs.configs import IsfahanConfig
from datasets.ffa_pairs.isfahan import CORRECTIONS, join
from datasets.ffa_pairs.make_dummy_data import eye_level, write_archive
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_ffa, read_fundus


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    write_archive(folder)
    return folder


def _collect(archive, tmp_path, *without, **options):
    notes = []
    config = IsfahanConfig(
        name="isfahan_misp",
        archive=str(archive),
        corrections=tuple(set(CORRECTIONS) - set(without)),
        workers=1,
        **options,
    )
    tasks = config.collect(Search(Path, tmp_path / "cache", notes.append))
    return tasks, notes


def _middle(path, read):
    green = read(path)[280:296, 350:370]
    return float(np.median(green[..., green.shape[-1] // 2]))


def test_the_archive_gives_thirty_and_twentynine_pairs(archive, tmp_path):
    tasks, _ = _collect(archive, tmp_path)
    count = collections.Counter(task.pair.category for task in tasks)
    assert count == {"abnormal": 30, "normal": 29}
    for task in tasks:
        entry, category = task.files, task.pair.category
        if (category, entry.ffa.stem) == ("normal", "16"):
            continue  # The file that is there twice.
        level = eye_level(category, int(entry.ffa.stem.split("-")[0]))
        assert abs(_middle(entry.fundus, read_fundus) - level) <= 1, entry
        assert abs(_middle(entry.ffa, read_ffa) - level) <= 1, entry


def test_twenty_percent_of_each_kind_are_tested_and_twins_stay_together(
    archive, tmp_path
):
    tasks, notes = _collect(archive, tmp_path)
    count = collections.Counter(
        (task.pair.category, task.pair.split) for task in tasks
    )
    assert count["abnormal", "test"] == 6
    assert 5 <= count["normal", "test"] <= 7
    assert count["abnormal", "validation"] == 2
    twins = [t.pair for t in tasks if t.files.ffa.stem in ("15", "16")
             and t.pair.category == "normal"]  # fmt: skip
    assert len({twin.patient for twin in twins}) == 1
    assert len({twin.split for twin in twins}) == 1
    assert any("normal 16 has a file in common" in note for note in notes)


def test_extra_files_are_named(archive, tmp_path):
    _, notes = _collect(archive, tmp_path)
    assert "normal/1 copy.jpg belongs to no pair" in notes
    assert "normal/Thumbs.db belongs to no pair" in notes


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (
            "swapped_normal_10_11",
            "joins normal/10-10.jpg with FFA normal/10.jpg; corrected:"
            " normal/11-11.jpg with FFA normal/10.jpg",
        ),
        (
            "wrong_normal_30",
            "joins normal/30-30.jpg with FFA normal/30.jpg; corrected: left"
            " out",
        ),
        ("burnt_in_text", "date and time burnt into the FFAs stay"),
    ],
)
def test_without_a_correction_it_says_what_it_joins(
    archive, tmp_path, without, says
):
    tasks, notes = _collect(archive, tmp_path, without)
    assert any(says in note for note in notes)
    assert len(tasks) == (60 if without == "wrong_normal_30" else 59)


def test_exchanged_photographs_and_angiograms_are_refused(archive, tmp_path):
    notes = []
    config = IsfahanConfig(
        name="isfahan_misp", archive=str(archive), corrections=(), workers=1
    )
    with pytest.raises(InputError, match="1.jpg is grey and .*exchange"):
        config.collect(Search(Path, tmp_path, notes.append))
    joined = [note for note in notes if note.startswith("joins")]
    assert len(joined) == 30, "every normal pair"
    assert joined[0] == (
        "joins normal/1.jpg with FFA normal/1-1.jpg; corrected: normal/1-1.jpg"
        " with FFA normal/1.jpg"
    )


def test_one_file_in_two_patients_is_refused(archive, tmp_path):
    with pytest.raises(InputError, match="16.jpg is the same file as .*15.jpg"):
        _collect(archive, tmp_path, "shared_files")


def test_all_that_is_missing_or_double_is_named_at_once(archive, tmp_path):
    shutil.copytree(archive, tmp_path / "copy")
    folder = tmp_path / "copy" / "CF_FFA"
    (folder / "Abnormal" / "3-3.jpg").unlink()
    (folder / "normal" / "4.jpg").unlink()
    shutil.copy(folder / "Abnormal" / "5.jpg", folder / "Abnormal" / "5.png")
    with pytest.raises(InputError) as raised:
        _collect(tmp_path / "copy", tmp_path)
    for problem in (
        "abnormal/3-3.jpg is missing",
        "normal/4.jpg is missing",
        "abnormal/5.png and 5.jpg are one name",
    ):
        assert problem in str(raised.value)
    shutil.move(folder / "Abnormal", folder / "else")
    with pytest.raises(InputError, match="one folder ABNORMAL, has none"):
        _collect(tmp_path / "copy", tmp_path)


def test_a_table_of_transforms_is_used_as_it_is(archive, tmp_path):
    table = tmp_path / "affines.csv"
    table.write_text(
        "abnormal/1.jpg,abnormal/1-1.jpg,1,0,-37.5,0,1,20,\n"
        "normal/10-10.jpg,normal/10.jpg,1,0,4,0,1,5,\n"
    )
    tasks, _ = _collect(archive, tmp_path, affines=str(table))
    given = {t.files.ffa.stem: t.files.matrix for t in tasks if t.files.given}
    assert set(given) == {"1-1", "10"}
    assert given["1-1"][0, 2] == -37.5


def test_date_and_time_are_blackened(archive, tmp_path):
    table = tmp_path / "affines.csv"
    table.write_text("abnormal/1.jpg,abnormal/1-1.jpg,1,0,0,0,1,0,\n")
    tasks, _ = _collect(archive, tmp_path, affines=str(table))
    assert read_ffa(tasks[0].files.ffa)[:30, :66].max() > 200
    path = tmp_path / "ffa.png"
    path.write_bytes(tasks[0].record()["ffa"])
    assert not read_ffa(path)[:34, :70].any()


def test_what_is_joined_with_all_corrections():
    for number in range(1, 31):
        assert join("abnormal", number, CORRECTIONS) == (
            f"{number}", f"{number}-{number}"
        )  # fmt: skip
    assert join("normal", 9, CORRECTIONS) == ("9-9", "9")
    assert join("normal", 10, CORRECTIONS) == ("11-11", "10")
    assert join("normal", 11, CORRECTIONS) == ("10-10", "11")
    assert join("normal", 30, CORRECTIONS) is None


@pytest.mark.real_data
def test_the_published_table_has_a_transform_for_every_pair(
    archive, tmp_path, real_photographs
):
    """It names the photographs of 10 and 11 as they are after correction."""
    table = str(real_photographs / "isfahan/affine_fundus_to_ffa.csv")
    tasks, _ = _collect(archive, tmp_path, affines=table)
    assert [task.files.given for task in tasks] == ["affine"] * 59
    matrices = {task.files.ffa.stem: task.files.matrix for task in tasks}
    assert matrices["1-1"][0, 2] == pytest.approx(-37.585282)


def test_unknown_corrections_and_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="--archive=.*no such folder"):
        _collect(tmp_path / "gone", tmp_path)
    config = IsfahanConfig(name="x", corrections=("all",))
    with pytest.raises(InputError, match="--corrections=all: unknown"):
        config.collect(Search(lambda: tmp_path, tmp_path, print))
