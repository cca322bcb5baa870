"""`python -m datasets.ffa_pairs` as a user runs it."""

import collections
import csv
import re

import cv2
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from datasets.ffa_pairs.configs import PhantomConfig
from datasets.ffa_pairs.ffa_pairs_dataset_builder import Builder
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.schema import CATEGORIES

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def prepare(run_program, tmp_path_factory):
    """Run the program with a key of its own, always the same."""
    key = tmp_path_factory.mktemp("home") / "hash.key"
    key.write_text("with this key the six pairs leave a split empty\n")

    def run(*flags, **options):
        if "--config=folder" in flags:
            flags += (f"--key_file={key}",)
        return run_program("-m", "datasets.ffa_pairs", *flags, **options)

    return run


def _records(folder):
    dataset = PreparedDataset.find(folder)
    return {split: list(dataset.records(split)) for split in SPLITS}


def _bytes_below(folder):
    return {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


# --- phantom -----------------------------------------------------------------


@pytest.fixture(scope="module")
def phantom(phantom_dataset):
    return _records(phantom_dataset)


def test_phantom_records_are_aligned_pairs_with_their_truth(phantom):
    for record in sum(phantom.values(), []):
        assert record["fundus"].shape == (128, 128, 3)
        for name in ("ffa", "valid_mask", "vessel_mask", "leakage_mask"):
            assert record[name].shape == (128, 128, 1)
            assert record[name].dtype == np.uint8
        for name in ("valid_mask", "vessel_mask", "leakage_mask"):
            assert set(np.unique(record[name])) <= {0, 255}
        assert (record["valid_mask"] > 0).mean() > 0.3
        leaks = CATEGORIES[record["category"]] != "normal"
        assert record["leakage_mask"].any() == leaks


def test_phantom_vessels_are_bright_in_the_ffa_and_dark_in_the_fundus(phantom):
    """Where the truth says vessel, in the frame that all images share."""
    for record in sum(phantom.values(), []):
        valid = record["valid_mask"][..., 0] > 0
        vessel = record["vessel_mask"][..., 0] > 0
        for name, sign in (("ffa", 1), ("fundus", -1)):
            image = record[name][..., min(1, record[name].shape[-1] - 1)]
            detail = image - cv2.GaussianBlur(image.astype(float), (0, 0), 5)
            difference = (
                detail[valid & vessel].mean() - detail[valid & ~vessel].mean()
            )
            assert sign * difference > 1, name


def test_no_patient_and_no_eye_is_in_two_splits(phantom):
    for identity in ("patient", "eye", "pair"):
        sets = [{r[identity] for r in phantom[split]} for split in SPLITS]
        assert sum(map(len, sets)) == len(set.union(*sets))


def test_some_phantom_patients_have_both_eyes_in_the_data(phantom):
    records = sum(phantom.values(), [])
    eyes = collections.defaultdict(set)
    for record in records:
        eyes[record["patient"]].add(record["eye"])
    assert {len(of_patient) for of_patient in eyes.values()} == {1, 2}
    assert len({record["pair"] for record in records}) == 16


def test_phantom_categories_take_turns(phantom):
    count = collections.Counter(
        CATEGORIES[r["category"]] for r in sum(phantom.values(), [])
    )
    assert count == {
        "normal": 4, "optic_disc": 4, "large_focal": 4, "punctate_focal": 4
    }  # fmt: skip


def test_the_same_seed_gives_the_same_bytes(prepare, tmp_path):
    """In whichever process: runs go on with data that were prepared again."""

    def prepared(name, seed):
        config = PhantomConfig("phantom", num_pairs=4, image_size=64, seed=seed)
        return write_dataset(config, tmp_path / name)

    first, other = prepared("first", 3), prepared("other", 4)
    done = prepare(
        "--config=phantom", "--num_pairs=4", "--image_size=64", "--seed=3",
        f"--data_dir={tmp_path / 'again'}",
    )  # fmt: skip
    assert not done.stderr, "start-up noise"
    fingerprints = [
        PreparedDataset.find(folder).fingerprint()
        for folder in (first, tmp_path / "again")
    ]
    assert fingerprints[0] == fingerprints[1]
    first, other = _records(first), _records(other)
    for split in SPLITS:
        for records in zip(first[split], other[split], strict=True):
            assert not np.array_equal(*(r["ffa"] for r in records))


# --- folder ------------------------------------------------------------------

# Planted wherever a clinic's files hold them; none may reach the output.
SECRETS = (
    "Mustermann",
    "MRN0815",
    "OD_Mustermann",
    "visit_19991231",
    "1999:12:31",
    "clinic_folder",
    "Erika",
)


class Clinic:
    """A clinic's folder of three patients with two pairs each."""

    def __init__(self, folder):
        self.folder = folder
        self.manifest = folder / "pairs.csv"
        folder.mkdir()
        rng = np.random.default_rng(0)
        text = PngInfo()
        text.add_text("Patient", "Mustermann MRN0815 1999:12:31")
        exif = Image.Exif()
        exif[0x010E] = "Mustermann MRN0815"
        exif[0x0132] = "1999:12:31 00:00:00"
        self.rows = []
        for number in range(6):
            patient = f"Mustermann{number // 2}_MRN0815"
            stem = f"{patient}_visit_19991231_{number}"
            fundus = rng.integers(40, 200, (64, 80, 3), np.uint8)
            ffa = rng.integers(40, 200, (70, 90), np.uint8)
            Image.fromarray(fundus).save(folder / f"{stem}.jpg", exif=exif)
            suffix = ".tif" if number % 2 else ".png"
            about = {"tiffinfo": {270: "Mustermann", 306: "1999:12:31"}}
            if suffix == ".png":
                about = {"pnginfo": text}
            Image.fromarray(ffa).save(folder / f"{stem}{suffix}", **about)
            self.rows.append({
                "pair_id": f"visit_19991231_{number}",
                "patient": patient,
                "eye": f"OD_Mustermann{number}",
                "fundus": f"{stem}.jpg",
                "ffa": f"{stem}{suffix}",
                "category": "normal",
                "affine": "1 0 5 0 1 3",
                "split": SPLITS[number // 2],
                "name": "Erika Mustermann",
            })  # fmt: skip

    def write_manifest(self, change=None):
        """Write it, after `change` was called with its rows."""
        rows = [dict(row) for row in self.rows]
        if change:
            change(rows)
        with self.manifest.open("w", newline="") as file:
            table = csv.DictWriter(file, rows[0])
            table.writeheader()
            table.writerows(rows)

    def flags(self, data_dir):
        return (
            "--config=folder",
            f"--manifest={self.manifest}",
            f"--data_dir={data_dir}",
        )


@pytest.fixture
def clinic(tmp_path):
    clinic = Clinic(tmp_path / "clinic_folder")
    clinic.write_manifest()
    return clinic


def _assert_refused(done, message):
    assert done.returncode == 2
    *chatter, line = done.stderr.splitlines()
    assert re.match(f"error: .*{message}", line), line
    assert not any("Traceback" in other for other in chatter)


@pytest.mark.slow
def test_a_folder_becomes_records_that_name_nobody(prepare, clinic, tmp_path):
    data_dir = tmp_path / "data"
    clinic.write_manifest(_one_to_register)
    done = prepare(
        *clinic.flags(data_dir), f"--pictures_dir={data_dir / 'pictures'}"
    )
    lines = done.stdout.splitlines()
    assert lines[:5] == [
        "pairs                  train  validation        test",
        "normal                     2           2           2",
        "all                        2           2           2",
        f"prepared {data_dir / 'ffa_pairs' / 'folder' / str(Builder.VERSION)}",
        "kept 6 of 7 pairs (6 affine)",
    ]
    assert lines[5].startswith("1 left out: row 8 (")
    records = _records(data_dir)
    patients = [{r["patient"] for r in records[split]} for split in SPLITS]
    assert [len(records[split]) for split in SPLITS] == [2, 2, 2]
    assert len(set.union(*patients)) == 3
    for record in sum(records.values(), []):
        assert record["fundus"].shape == (70, 90, 3)
        assert record["ffa"].shape == record["valid_mask"].shape == (70, 90, 1)
        assert not record["fundus"][:3].any(), "moved down by three pixels"
        assert CATEGORIES[record["category"]] == "normal"
    written = _bytes_below(data_dir)
    kinds = collections.Counter(path.suffix for path in written)
    assert kinds[".zip"] == 7 and kinds[".png"] == 14 and kinds[".csv"] == 1
    assert sum("tfrecord" in path.name for path in written) == 3
    names = "\n".join(str(path.relative_to(data_dir)) for path in written)
    haystack = b"\n".join([*written.values(), names.encode()])
    for secret in SECRETS:
        for encoding in ("utf-8", "utf-16-le"):
            assert secret.encode(encoding) not in haystack, secret
        said = (done.stdout + done.stderr).replace(str(data_dir), "")
        assert secret not in said, secret

    # Only a whole dataset takes the place of this one, and only when told.
    _assert_refused(
        prepare(*clinic.flags(data_dir), check=False), "is there already"
    )
    clinic.write_manifest(_gone)
    flags = (*clinic.flags(data_dir), "--overwrite")
    _assert_refused(prepare(*flags, check=False), "gone.png")
    assert _bytes_below(data_dir) == written
    clinic.write_manifest(lambda rows: rows.pop())
    prepare(*flags)
    assert len(_records(data_dir)["test"]) == 1


def _one_to_register(rows):
    """Noise, so it will be refused, in the cache and in the report."""
    row = {**rows[4], "pair_id": "more", "affine": "", "split": ""}
    rows.append({**row, "ffa": rows[5]["ffa"]})


def _gone(rows):
    rows[1]["fundus"] = "gone.png"


def _unknown_category(rows):
    rows[1]["category"] = "leaky"


def _no_transform(rows):
    rows[1]["affine"] = ""


def _no_split(rows):
    for row in rows:
        row["split"] = ""


def _patient_in_two_splits(rows):
    rows[1]["split"] = "test"


@pytest.mark.parametrize(
    ("change", "flags", "message"),
    [
        (_gone, (), "line 3: the fundus file .*gone.png does not exist"),
        (_unknown_category, (), "unknown category 'leaky'.*large_focal"),
        (_no_split, (), "add a column split"),
        (_patient_in_two_splits, (), "in the test and the train split"),
        (None, ("--num_pairs=8",), "--num_pairs: belongs to --config=phantom"),
        (None, ("extra",), "unexpected argument 'extra'"),
    ],
)
def test_bad_input_is_one_clear_line_and_leaves_nothing(
    prepare, clinic, tmp_path, change, flags, message
):
    data_dir = tmp_path / "data" / "sets"
    clinic.write_manifest(change)
    done = prepare(*clinic.flags(data_dir), *flags, check=False)
    _assert_refused(done, message)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_what_shows_only_in_the_images_leaves_nothing_either(
    prepare, clinic, tmp_path
):
    flags = clinic.flags(tmp_path / "data")
    clinic.write_manifest(_no_transform)
    done = prepare(*flags, "--assume_aligned", check=False)
    _assert_refused(done, "80x64 pixels, but .* 90x70")
    photograph = sorted(clinic.folder.glob("*.jpg"))[-1]
    photograph.write_bytes(photograph.read_bytes()[:-300])
    clinic.write_manifest()
    done = prepare(*flags, check=False)
    _assert_refused(done, f"{photograph.name}: the file is cut short")
    assert not (tmp_path / "data").exists()


def test_an_empty_folder_is_refused(prepare, tmp_path):
    (tmp_path / "empty").mkdir()
    done = prepare(
        "--config=folder",
        f"--manifest={tmp_path / 'empty'}",
        f"--data_dir={tmp_path / 'data'}",
        check=False,
    )
    _assert_refused(done, "empty/pairs.csv: no such manifest")


@pytest.mark.real_data
def test_real_pairs_are_prepared_and_read_back(
    prepare, tmp_path, real_photographs
):
    """Eight colour photographs, aligned by their landmarks, eyes apart."""
    folder = real_photographs / "pairs_landmarked"
    split_of_eye = collections.defaultdict(
        lambda: "train", eye_c="test", eye_d="validation"
    )
    with (folder / "pairs.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["fundus_kind"] == "color"]
    for row in rows:
        row["split"] = split_of_eye[row["eye"]]
        for column in ("fundus", "ffa", "landmarks"):
            row[column] = folder / row[column]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    prepare(
        "--config=folder",
        f"--manifest={tmp_path / 'pairs.csv'}",
        f"--data_dir={tmp_path / 'data'}",
    )
    records = _records(tmp_path / "data")
    assert {split: len(of) for split, of in records.items()} == {
        "train": 4, "validation": 1, "test": 3
    }  # fmt: skip
    for record in sum(records.values(), []):
        height, width, _ = record["ffa"].shape
        assert record["fundus"].shape == (height, width, 3)
        valid = record["valid_mask"][..., 0] > 0
        assert 0.3 < valid.mean() < 0.95
        assert record["fundus"][valid].min(initial=255) >= 0
        assert record["fundus"][valid].max(-1).mean() > 60
