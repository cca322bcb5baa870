"""Photographs without angiograms, and the other way round, beside pairs."""

import csv

import numpy as np
import pytest

from datasets.ffa_pairs.base import Search
from datasets.ffa_pairs.configs import FolderConfig
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.errors import InputError
from ffa_keras.images.files import write_png
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.align import align_files
from ffa_keras.preparation.entry import PairFiles
from ffa_keras.preparation.report import read_report
from ffa_keras.records.dataset import PreparedDataset

COLUMNS = "pair_id patient fundus ffa affine split keep".split()


class Archive:
    """Two photographs, two angiograms and a pair, of five patients."""

    def __init__(self, folder):
        self.folder = folder
        self.pairs = [make_pair(n, "large_focal", 160) for n in range(5)]
        self.rows = []
        for number, pair in enumerate(self.pairs):
            row = {"pair_id": f"{number}", "patient": f"Ann {number}"}
            row["split"] = "train" if number < 4 else "validation"
            for kind, wanted in (("fundus", (0, 1, 4)), ("ffa", (2, 3, 4))):
                if number in wanted:
                    row[kind] = f"{number}_{kind}.png"
                    write_png(folder / row[kind], getattr(pair, kind))
            if number == 4:
                row["affine"] = " ".join(map(str, pair.matrix[:2].ravel()))
            self.rows.append(row)
        (folder / "key").write_text("a secret of this clinic")

    def config(self):
        with (self.folder / "pairs.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(self.rows)
        return FolderConfig(
            name="archive",
            manifest=str(self.folder / "pairs.csv"),
            key_file=str(self.folder / "key"),
            workers=1,
        )

    def collect(self, notes):
        return self.config().collect(
            Search(self.folder, self.folder, notes.append)
        )


@pytest.fixture
def archive(tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    return Archive(folder)


def test_images_that_stand_alone_lie_beside_the_pairs(archive, tmp_path):
    folder = write_dataset(archive.config(), tmp_path / "out")
    dataset = PreparedDataset.find(folder)
    splits = dataset.info.splits
    assert {name: split.num_examples for name, split in splits.items()} == {
        "validation": 1, "train_fundus": 2, "train_ffa": 2,
    }  # fmt: skip
    rows = read_report(folder)
    assert [row["alignment"] for row in rows] == [
        *2 * ["photograph alone"], *2 * ["FFA alone"], "affine",
    ]  # fmt: skip
    assert [row["alone"] for row in rows] == [*2 * ["fundus"], *2 * ["ffa"], ""]
    for lone, other in (("fundus", "ffa"), ("ffa", "fundus")):
        records = list(dataset.records("train", lone=lone))
        assert len(records) == 2
        for record in records:
            inside = record["valid_mask"] > 0
            assert inside.mean() > 0.3
            assert record[lone][inside[..., 0]].mean() > 20
            assert not record[other].any()
            assert record[other].shape[:2] == record[lone].shape[:2]
    written = b"".join(p.read_bytes() for p in folder.iterdir())
    assert b"Ann" not in written and b"_fundus.png" not in written


def test_a_patient_in_two_splits_is_refused_across_domains(archive):
    archive.rows[2] |= {"patient": "Ann 0", "split": "test"}
    with pytest.raises(InputError, match="'Ann 0' is in the test and the trai"):
        archive.config().collect(Search(archive.folder, archive.folder, print))


def test_an_angiogram_saved_again_in_another_split_is_a_leak(archive, tmp_path):
    bright = (archive.pairs[4].ffa * 0.9 + 3).astype(np.uint8)
    write_png(archive.folder / "2_ffa.png", bright)
    with pytest.raises(InputError, match="near-duplicate FFA"):
        write_dataset(archive.config(), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("dataset_info.json"))


def test_an_angiogram_filed_as_a_photograph_elsewhere_is_a_leak(
    archive, tmp_path
):
    bright = (archive.pairs[4].ffa * 0.9 + 3).astype(np.uint8)
    write_png(archive.folder / "0_fundus.png", bright)
    with pytest.raises(InputError, match="near-duplicate FFA and photograph"):
        write_dataset(archive.config(), tmp_path / "out")


def test_an_angiogram_in_colour_is_a_photograph(archive):
    write_png(archive.folder / "2_ffa.png", archive.pairs[2].fundus)
    with pytest.raises(InputError, match="2_ffa.png is in colour: name it as"):
        archive.collect([])


def test_one_photograph_listed_twice_is_refused(archive):
    archive.rows.append({**archive.rows[0], "pair_id": "again"})
    with pytest.raises(InputError, match="the photograph of .* repeats that"):
        archive.collect([])


def test_a_note_counts_what_stands_alone(archive):
    notes = []
    archive.collect(notes)
    (note,) = [note for note in notes if "alone" in note]
    assert note.startswith("2 photographs and 2 FFAs stand alone")


def test_without_any_pair_every_image_may_be_in_the_train_split(archive):
    del archive.rows[4]
    assert {task.pair.split for task in archive.collect([])} == {"train"}


def test_a_lone_image_without_a_retina_is_refused(tmp_path):
    write_png(tmp_path / "black.png", np.zeros((64, 64), np.uint8))
    _, verdict = align_files(PairFiles(None, tmp_path / "black.png"))
    assert not verdict.accepted and "field of view is 0%" in verdict.reason


def test_a_refused_image_that_nobody_judges_stops_nothing(archive, tmp_path):
    archive.rows[2] |= {"split": "test", "keep": "no"}
    folder = write_dataset(archive.config(), tmp_path / "out")
    splits = PreparedDataset.find(folder).info.splits
    assert "test_ffa" not in splits and "train_ffa" in splits


def test_lone_images_do_not_hide_that_pairs_miss_a_split(archive):
    for row in archive.rows:
        row["split"] = ""
    with pytest.raises(InputError, match="split would be empty"):
        archive.collect([])
