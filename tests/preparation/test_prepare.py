"""From files to finished pairs: checked, resumable, reported, reproducible."""

import base64
import csv
import dataclasses
import functools
import html
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.ffa_pairs import base
from datasets.ffa_pairs.base import Search
from datasets.ffa_pairs.configs import FolderConfig, HraConfig
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.errors import InputError
from ffa_keras.images.files import (
    encode_png,
    read_ffa,
    read_fundus,
    write_png,
)
from ffa_keras.phantom import make_pair
from ffa_keras.preparation import prepare
from ffa_keras.preparation.align import AlignedPair, Verdict
from ffa_keras.preparation.contact_sheet import write_contact_sheet
from ffa_keras.preparation.prepare import prepare_pairs
from ffa_keras.preparation.report import read_report, summary_of
from ffa_keras.records.dataset import PreparedDataset

SPLITS = ("train", "validation", "test")
COLUMNS = "pair_id patient category fundus ffa affine split keep".split()


@functools.cache
def _drawn(number):
    return make_pair(number, "large_focal", 320)


class Clinic:
    """Six patients with a pair each; the last photograph shows no vessels."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.rows = []
        for number in range(6):
            pair = _drawn(number)
            # Refused at once, as another eye is after a long search.
            blank = np.full_like(pair.fundus, (150, 80, 40))
            fundus = blank if number == 5 else pair.fundus
            write_png(folder / f"{number}f.png", fundus)
            write_png(folder / f"{number}a.png", pair.ffa)
            affine = " ".join(map(str, pair.matrix[:2].ravel()))
            self.rows.append({
                "pair_id": f"{number}",
                "patient": f"patient {number}",
                "category": "large_focal",
                "fundus": f"{number}f.png",
                "ffa": f"{number}a.png",
                "affine": "" if number in (0, 5) else affine,
                "split": SPLITS[number % 3],
            })  # fmt: skip
        (folder / "key").write_text("a secret of this clinic")

    def config(self, name="clinic", kind=FolderConfig, **options):
        with (self.folder / "pairs.csv").open("w", newline="") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows(self.rows)
        return kind(
            name=name,
            manifest=str(self.folder / "pairs.csv"),
            key_file=str(self.folder / "key"),
            cache_dir=str(self.folder / "cache"),
            **{"workers": 1, **options},
        )

    def tasks(self, notes=None, check=False, **options):
        say = (lambda note: None) if notes is None else notes.append
        return self.config(**options).collect(
            Search(Path, Path(), say, naming=check)
        )


@pytest.fixture
def clinic(tmp_path):
    return Clinic(tmp_path / "clinic")


def _bytes_below(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- before any work ---------------------------------------------------------


def test_all_files_are_looked_at_before_any_work(clinic):
    folder = clinic.folder
    (folder / "0a.png").write_bytes((folder / "0a.png").read_bytes()[:500])
    write_png(folder / "1f.png", make_pair(1, "normal", 320).ffa)
    write_png(folder / "1a.png", make_pair(1, "normal", 320).fundus)
    (folder / "3a.png").write_bytes((folder / "2a.png").read_bytes())
    clinic.rows[4]["ffa"] = clinic.rows[4]["fundus"]
    clinic.rows.append({**clinic.rows[2], "pair_id": "again"})
    with pytest.raises(InputError) as raised:
        clinic.tasks()
    message = str(raised.value)
    for problem in (
        "0a.png: the file is cut short",
        "1f.png is grey and ",
        "3a.png is the same file as ",
        "4f.png are the same file",
        "repeats that of ",
    ):
        assert problem in message
    assert not (folder / "cache").exists()


def test_images_that_no_pair_names_are_a_note(clinic, monkeypatch):
    write_png(clinic.folder / "more" / "left.png", np.zeros((9, 9), np.uint8))
    notes = []
    monkeypatch.setattr(base, "shared_eyes", lambda *_: ["compared"])
    clinic.tasks(notes, check=True)
    assert notes == [
        "images that belong to no pair: 1: more/left.png",
        "compared",
    ]


def test_only_a_check_compares_all_eyes(clinic, monkeypatch):
    asked = []

    def shared_eyes(*given):
        asked.append(given)
        return ["one"]

    monkeypatch.setattr(base, "shared_eyes", shared_eyes)
    notes = []
    clinic.tasks(notes)
    assert not asked and not notes
    clinic.tasks(notes, check=True)
    ((entries, split_by, workers),) = asked
    assert len(entries) == 6 and (split_by, workers) == ("patient", 1)
    assert notes == ["one"]


def test_hra_pairs_need_a_label_and_square_angiograms(clinic):
    clinic.rows[1]["category"] = "abnormal"
    with pytest.raises(InputError, match="line 3: category 'abnormal'; label"):
        clinic.tasks(kind=HraConfig)
    clinic.rows[1]["category"] = "normal"
    write_png(clinic.folder / "1a.png", np.full((320, 350), 90, np.uint8))
    with pytest.raises(InputError, match="1a.png: 350x320 pixels, not square"):
        clinic.tasks(kind=HraConfig)


@pytest.mark.parametrize("depth", [8, 16])
def test_hra_pairs_keep_their_label_and_get_768_pixels(clinic, depth):
    raw = _drawn(1)
    scale = np.uint16(257) if depth == 16 else np.uint8(1)
    cv2.imwrite(str(clinic.folder / "1a.png"), raw.ffa * scale)
    task = clinic.tasks(kind=HraConfig)[1]
    prepare_pairs([task], workers=1)
    record = task.record()
    image = cv2.imdecode(np.frombuffer(record["ffa"], np.uint8), -1)
    assert image.shape == (768, 768)
    small = cv2.resize(image, (320, 320), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - raw.ffa[..., 0])[100:200].mean() < 4
    assert record["category"] == "large_focal"


# --- preparing ---------------------------------------------------------------


def test_a_finished_pair_is_never_prepared_again(clinic, monkeypatch):
    tasks = clinic.tasks()
    outcomes = prepare_pairs(tasks, workers=1)
    verdicts = [outcome.verdict for outcome in outcomes]
    assert [v.status for v in verdicts] == ["kept"] * 5 + ["refused"]
    assert [v.how for v in verdicts] == [
        "registered", *["affine"] * 4, "registered",
    ]  # fmt: skip

    def again(*_):
        raise AssertionError("prepared again")

    monkeypatch.setattr(prepare, "align_files", again)
    clinic.rows.reverse()
    again = prepare_pairs(clinic.tasks(), workers=1)
    # As text, since a figure that could not be taken is not a number.
    assert repr([o.verdict for o in again]) == repr(verdicts[::-1])
    write_png(
        clinic.folder / "1f.png",
        255 - _drawn(1).fundus,
    )
    with pytest.raises(AssertionError, match="prepared again"):
        prepare_pairs(clinic.tasks(), workers=1)


def test_what_was_finished_before_an_interruption_stays(clinic, monkeypatch):
    tasks = clinic.tasks()
    real = prepare.align_files

    def interrupted(files, treatment):
        if files.fundus.name == "2f.png":
            raise KeyboardInterrupt
        return real(files, treatment)

    monkeypatch.setattr(prepare, "align_files", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare_pairs(tasks, workers=1)
    files = list((clinic.folder / "cache").iterdir())
    assert sorted(files) == sorted(t.outcome for t in tasks[:2])


def test_processes_write_the_same_bytes(clinic):
    tasks = clinic.tasks()[1:5]
    prepare_pairs(tasks, workers=1)
    alone = [task.outcome.read_bytes() for task in tasks]
    others = [
        dataclasses.replace(t, outcome=clinic.folder / f"{n}.zip")
        for n, t in enumerate(tasks)
    ]
    prepare_pairs(others, workers=2)
    assert [task.outcome.read_bytes() for task in others] == alone


def test_pictures_are_drawn_on_request_under_the_row(clinic):
    tasks = clinic.tasks(pictures_dir=str(clinic.folder / "pictures"))
    prepare_pairs([tasks[1], tasks[5]], workers=1)
    assert sorted(_bytes_below(clinic.folder / "pictures")) == [
        "00003_kept_checkerboard.png",
        "00003_kept_overlay.png",
        "00007_refused_checkerboard.png",
        "00007_refused_overlay.png",
    ]


def test_processes_that_prepare_pairs_need_no_tensorflow(run_program):
    """Each of them would take 8 seconds and 400 MB for it."""
    modules = Path(prepare.__file__).parent.glob("*.py")
    names = ", ".join(f"ffa_keras.preparation.{m.stem}" for m in modules)
    run_program(
        "-c", f"import sys, {names.replace('.__init__', '')};"
        " assert 'tensorflow' not in sys.modules"
    )  # fmt: skip


# --- the builder -------------------------------------------------------------


def test_refused_pairs_are_left_out_and_listed(clinic, tmp_path):
    folder = write_dataset(clinic.config(), tmp_path / "out")
    dataset = PreparedDataset.find(folder)
    splits = dataset.info.splits
    counts = {name: split.num_examples for name, split in splits.items()}
    assert counts == {"train": 2, "validation": 2, "test": 1}
    rows = read_report(folder)
    assert [row["row"] for row in rows] == ["2", "3", "4", "5", "6", "7"]
    assert [row["status"] for row in rows] == ["kept"] * 5 + ["refused"]
    assert "no vessels found" in rows[5]["reason"]
    records = dataset.records("test", ["pair"])
    assert {r["pair"].decode() for r in records} == {rows[2]["pair"]}


def test_the_summary_says_what_was_kept_and_why_not(clinic):
    lines = list(summary_of(prepare_pairs(clinic.tasks(), workers=1)))
    assert lines[0] == "kept 5 of 6 pairs (4 affine, 1 registered)"
    assert lines[1].startswith("1 left out: row 7 (")


def test_a_split_whose_pairs_are_all_refused_leaves_nothing(clinic, tmp_path):
    clinic.rows[2]["split"] = "train"
    with pytest.raises(InputError, match="every pair of the test split"):
        write_dataset(clinic.config(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_planted_leak_is_found_and_refused(clinic, tmp_path):
    """One angiogram saved again, brighter, as that of another patient."""
    pair = _drawn(1)
    (clinic.folder / "2a.png").write_bytes(
        encode_png((pair.ffa * 0.9 + 3).astype(np.uint8))
    )
    write_png(clinic.folder / "2f.png", pair.fundus[..., ::-1])
    clinic.rows[2]["affine"] = clinic.rows[1]["affine"]
    with pytest.raises(InputError, match="leaks .*near-duplicate FFA: valida"):
        write_dataset(clinic.config(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.beam
def test_beam_writes_the_same_bytes(clinic, tmp_path):
    pytest.importorskip("apache_beam", reason="needs ffa_keras[beam]")
    written = []
    for name, options in (("local", ""), ("beam", "--runner=DirectRunner")):
        cache = str(tmp_path / f"{name}_cache")
        config = dataclasses.replace(
            clinic.config(beam=bool(options)), cache_dir=cache
        )
        folder = write_dataset(config, tmp_path / name, beam_options=options)
        written.append(_bytes_below(folder))
    local, beam = written
    assert set(local) == set(beam)
    for name, data in local.items():
        assert beam[name] == data, name


# --- looked at by a person ---------------------------------------------------


@pytest.fixture
def looked_at(clinic, monkeypatch):
    """A clinic whose last pair is refused, by a verdict that takes no time."""

    def align(files, treatment):
        number = int(files.fundus.stem[0])
        fundus, ffa = read_fundus(files.fundus), read_ffa(files.ffa)
        refused = number == 5
        verdict = Verdict(
            not refused,
            "registered",
            "only 9 < 15 keypoints agree" if refused else "",
            {"vessels_in_place": (number + 3) % 5 / 5, "correlation": 0.5},
        )
        inside = np.ones(ffa.shape[:2], bool)
        return AlignedPair(fundus, ffa, inside, True), verdict

    monkeypatch.setattr(prepare, "align_files", align)
    return clinic


def _told_to_keep(looked_at, **answers):
    """Prepare once, then again with the column `keep`; return both verdicts."""
    first = prepare_pairs(looked_at.tasks(), 1)
    for row in looked_at.rows:
        row["keep"] = answers.get(f"pair_{row['pair_id']}", "")
    return first, looked_at.tasks()


def test_the_column_keep_has_the_last_word(looked_at):
    first, tasks = _told_to_keep(looked_at, pair_1="no", pair_5="yes")
    assert [o.verdict.accepted for o in first] == [True] * 5 + [False]
    again = prepare_pairs(tasks, 1)
    assert [o.verdict.accepted for o in again] == [
        True, False, True, True, True, True
    ]  # fmt: skip
    assert again[1].verdict.reason == "keep is no in the manifest"
    assert again[5].verdict.status == "doubtful"
    assert first[5].verdict.reason in again[5].verdict.reason
    assert again[5].verdict.figures == first[5].verdict.figures


def test_nothing_is_registered_again_for_it(looked_at, monkeypatch):
    _, tasks = _told_to_keep(looked_at, pair_0="no", pair_5="yes")
    monkeypatch.setattr(prepare, "align_files", None)
    prepare_pairs(tasks, 1)


def test_a_pair_that_is_left_out_from_the_start_is_never_registered(
    looked_at, monkeypatch
):
    for row in looked_at.rows:
        row["keep"] = "no"
    monkeypatch.setattr(prepare, "align_files", None)
    outcomes = prepare_pairs(looked_at.tasks(), 1)
    assert not any(outcome.verdict.accepted for outcome in outcomes)


def test_keep_is_yes_or_no(looked_at):
    looked_at.rows[0]["keep"] = "perhaps"
    with pytest.raises(InputError, match="keep is 'perhaps': write yes or no"):
        looked_at.tasks()


def test_a_page_shows_every_pair_worst_first(looked_at, tmp_path):
    tasks = looked_at.tasks()
    tasks[1] = dataclasses.replace(tasks[1], keep=False)
    outcomes = prepare_pairs(tasks, 1)
    write_contact_sheet(tmp_path / "sheet", tasks, outcomes, workers=1)
    (page,) = (tmp_path / "sheet").glob("*")
    text = page.read_text()
    lines = [int(n) for n in re.findall(r'id="line(\d+)"', text)]
    statuses = re.findall(r'<figure class="(\w+)"', text)
    assert sorted(lines) == [2, 3, 4, 5, 6, 7]
    assert statuses == ["refused"] * 2 + ["kept"] * 4
    assert set(lines[:2]) == {3, 7}
    assert html.escape(outcomes[5].verdict.reason) in text
    # Photograph, angiogram and vessels of all but the one never registered.
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    assert len(pictures) == 5 * 3
    for picture in pictures:
        data = np.frombuffer(base64.b64decode(picture), np.uint8)
        assert max(cv2.imdecode(data, cv2.IMREAD_COLOR).shape) == 320
    # Nothing is fetched, and nobody is named.
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert "://" not in text
    assert "patient 0" not in text and "clinic" not in text
    place = [outcomes[n - 2].verdict.figures for n in lines[2:]]
    assert place == sorted(place, key=lambda f: f["vessels_in_place"])
