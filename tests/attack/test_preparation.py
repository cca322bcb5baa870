"""What interrupts, damages or deceives the preparation of a dataset.

Whatever happens, nobody trains on what was not finished and audited, the same
command goes on, and each refusal is a line of words.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import ffa_keras.records.audit.leaks
from datasets.ffa_pairs import write
from datasets.ffa_pairs.base import Search
from datasets.ffa_pairs.configs import (
    FolderConfig,
    IsfahanConfig,
    PhantomConfig,
)
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.errors import InputError, Interrupted, describe
from ffa_keras.images.files import read_ffa, write_png
from ffa_keras.preparation import prepare
from ffa_keras.preparation.manifest import read_manifest
from ffa_keras.records.audit.leaks import audit_dataset, record_audit
from ffa_keras.records.dataset import AUDIT_NAME, PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches

ROOT = Path(__file__).parents[2]
DUMMY = ROOT / "datasets/ffa_pairs/dummy_data"


def _cases(kind, rows):
    """Parametrise by rows, each with its name first."""
    return [pytest.param(*row[1:], id=f"{kind}: {row[0]}") for row in rows]


def _refused(function, *arguments):
    """Return the one line that a program would print."""
    with pytest.raises(Exception) as raised:
        function(*arguments)
    error = raised.value
    words = str(error) if isinstance(error, InputError) else describe(error)
    assert words and "\n" not in words, repr(error)
    return words


@pytest.fixture
def clinic(tmp_path):
    """A manifest of four pairs of 64 pixels, with its key."""
    folder = tmp_path / "clinic"
    shutil.copytree(DUMMY, folder)
    (folder / "key").write_text("a secret of this clinic")
    return folder


def _config(clinic, **options):
    return FolderConfig(
        name="clinic",
        manifest=str(clinic / "pairs.csv"),
        **{"key_file": str(clinic / "key"), "workers": 1, **options},
    )


def _assert_nothing_to_train_on(data_dir):
    with pytest.raises(InputError, match="no prepared dataset|no such folder"):
        PreparedDataset.find(data_dir)


def _assert_whole(data_dir):
    dataset = PreparedDataset.find(data_dir)
    splits = dataset.info.splits
    counts = {name: split.num_examples for name, split in splits.items()}
    assert counts == {"train": 2, "validation": 1, "test": 1}
    assert audit_dataset(dataset) == []
    assert not list(Path(data_dir).rglob(".writing-*"))


# --- interrupted -------------------------------------------------------------

MOMENTS = [
    ("after the first pair", prepare, "_write_outcome", 2),
    ("as records are written", prepare.PhotographTask, "record", 2),
    ("before the audit", ffa_keras.records.audit.leaks, "refuse_leaks", 1),
    ("in the audit", ffa_keras.records.audit.leaks, "fingerprint", 2),
    ("before the report", write, "write_report", 1),
    (
        "before the mark of the audit",
        ffa_keras.records.audit.leaks,
        "record_audit",
        1,
    ),
]


def _at(monkeypatch, owner, name, call, happens):
    """Let something happen at one call of a function."""
    original, calls = getattr(owner, name), []

    def watched(*arguments, **options):
        calls.append(name)
        if len(calls) == call:
            happens()
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, watched)


class _Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    _cases("interrupted", [(f"SIGKILL {m[0]}", *m[1:]) for m in MOMENTS]),
)
def test_a_killed_preparation_leaves_nothing_to_train_on(
    clinic, tmp_path, monkeypatch, owner, name, call
):
    """What SIGKILL leaves is what lies on the disk at that moment."""
    data_dir, left = tmp_path / "data", tmp_path / "left"

    def killed():
        shutil.copytree(data_dir, left)
        raise _Killed

    with monkeypatch.context() as patched, pytest.raises(_Killed):
        _at(patched, owner, name, call, killed)
        write_dataset(_config(clinic), data_dir)
    assert list(left.rglob(".writing-*"))
    _assert_nothing_to_train_on(left)
    finished = {p: p.stat().st_mtime_ns for p in left.rglob("*.zip")}
    write_dataset(_config(clinic), left)
    _assert_whole(left)
    for path, made in finished.items():
        if ".writing-" not in str(path):
            assert path.stat().st_mtime_ns == made, "prepared again"


@pytest.mark.parametrize(
    ("number", "owner", "name", "call"),
    _cases(
        "interrupted",
        [
            (f"{number.name} {m[0]}", number, *m[1:])
            for number in (signal.SIGTERM, signal.SIGINT)
            for m in (MOMENTS[0], MOMENTS[3])
        ],
    ),
)
def test_a_stopped_preparation_cleans_up_and_says_how_to_go_on(
    clinic, tmp_path, monkeypatch, number, owner, name, call
):
    data_dir = tmp_path / "data"

    def stopped():
        os.kill(os.getpid(), number)
        time.sleep(1)

    with (
        monkeypatch.context() as patched,
        pytest.raises(Interrupted, match="the same command goes on"),
    ):
        _at(patched, owner, name, call, stopped)
        write_dataset(_config(clinic), data_dir)
    assert [path.name for path in data_dir.iterdir()] == ["ffa_pairs_cache"]
    _assert_nothing_to_train_on(data_dir)
    write_dataset(_config(clinic), data_dir)
    _assert_whole(data_dir)


@pytest.mark.parametrize(
    "place",
    _cases("interrupted", [("leftovers of earlier versions", "data")]),
)
def test_the_next_preparation_removes_what_was_left(
    clinic, phantoms, tmp_path, place
):
    left = tmp_path / place / ".writing-abc123/ffa_pairs/clinic/1.1.0"
    shutil.copytree(phantoms, left)
    write_dataset(_config(clinic), tmp_path / place)
    _assert_whole(tmp_path / place)


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    _cases(
        "interrupted",
        [
            ("SIGKILL of the program", signal.SIGKILL),
            ("SIGTERM of the program", signal.SIGTERM),
        ],
    ),
)
def test_the_program_can_be_killed_once_its_records_are_there(
    clinic, tmp_path, number
):
    data_dir = tmp_path / "data"
    command = [
        sys.executable, "-m", "datasets.ffa_pairs", "--config=folder",
        f"--manifest={clinic}", f"--data_dir={data_dir}",
        f"--key_file={clinic / 'key'}",
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    while process.poll() is None and not [*data_dir.rglob("dataset_info.json")]:
        time.sleep(0.002)
    process.send_signal(number)
    status = process.wait()
    if status:  # It may have ended in the meantime.
        assert status in (75, -signal.SIGKILL)
        _assert_nothing_to_train_on(data_dir)
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    _assert_whole(data_dir)


# --- full disk, read-only ----------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """Mount a file system of its own; where that is not permitted, skip."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        with contextlib.suppress(OSError):
            if not subprocess.run(command, capture_output=True).returncode:
                return folder
        pytest.skip("mounting a tmpfs is not permitted here")

    yield mount
    subprocess.run(["umount", "-l", folder], capture_output=True)


@pytest.mark.parametrize(
    "size",
    _cases(
        "full disk", [(f"preparation in {n} kB", n) for n in (8, 40, 64, 88)]
    ),
)
def test_a_full_disk_is_a_line_and_leaves_nothing(clinic, disk, size):
    folder = disk(f"size={size}k")
    message = _refused(write_dataset, _config(clinic), folder / "data")
    assert "make room" in message
    _assert_nothing_to_train_on(folder / "data")
    assert not list(folder.rglob("*.tfrecord*"))
    disk("remount,size=9m")
    write_dataset(_config(clinic), folder / "data")
    _assert_whole(folder / "data")


@pytest.mark.parametrize(
    "option",
    _cases(
        "read-only",
        [(f"--{n}", n) for n in "data_dir cache_dir pictures_dir key".split()],
    ),
)
def test_a_place_that_cannot_be_written_is_named(
    clinic, disk, tmp_path, option
):
    place = disk("ro") / "sub"
    options = {
        "data_dir": {},
        "key": {"key_file": str(place)},
    }.get(option, {option: str(place)})
    data_dir = place if option == "data_dir" else tmp_path / "data"
    message = _refused(write_dataset, _config(clinic, **options), data_dir)
    assert str(place) in message
    _assert_nothing_to_train_on(data_dir)


# --- two at once, overwriting ------------------------------------------------


@pytest.mark.parametrize(
    "overwrite",
    _cases(
        "two at once",
        [("preparations", False), ("preparations with --overwrite", True)],
    ),
)
def test_of_two_preparations_one_is_refused_unless_told_to_overwrite(
    clinic, tmp_path, monkeypatch, overwrite
):
    other = PhantomConfig(name="clinic", num_pairs=5, image_size=64)

    def overtaken():
        write_dataset(other, tmp_path / "data")

    with monkeypatch.context() as patched:
        _at(patched, write, "write_report", 1, overtaken)
        if overwrite:
            write_dataset(_config(clinic), tmp_path / "data", overwrite=True)
            _assert_whole(tmp_path / "data")
            return
        message = _refused(write_dataset, _config(clinic), tmp_path / "data")
    assert "exists" in message
    dataset = PreparedDataset.find(tmp_path / "data")
    assert sum(1 for _ in dataset.records("train", ["pair"])) == 2
    assert "vessel_mask" in dataset.info.features


@pytest.mark.parametrize(
    "plant",
    _cases(
        "rename and overwrite",
        [
            ("a user's file", lambda d: (d / "thesis.tex").write_text("x")),
            ("a user's folder", lambda d: (d / "figures" / "a").mkdir(
                parents=True) or (d / "figures" / "b").write_text("")),
            ("a changed file", lambda d: (d / "preparation.csv").write_text(
                "my notes")),
        ],
    ),
)  # fmt: skip
def test_nothing_of_the_users_is_overwritten(clinic, tmp_path, plant):
    config = _config(clinic)
    folder = write_dataset(config, tmp_path / "data")
    plant(folder)
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    _refused(write_dataset, config, tmp_path / "data", True)
    assert before == {
        p: p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def _flipped(data, share):
    at = int(len(data) * share)
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    _cases(
        "rename and overwrite",
        [
            ("cache emptied", lambda data: b""),
            ("cache cut", lambda data: data[: len(data) // 2]),
            ("cache of another kind", lambda data: b"no zip at all"),
            *[
                (f"cache flipped at {n} %",
                 lambda data, n=n: _flipped(data, n / 100))
                for n in (0, 3, 20, 50, 80, 97, 99)
            ],
        ],
    ),
)  # fmt: skip
def test_a_damaged_file_of_the_cache_is_prepared_anew(clinic, damage, caplog):
    config = _config(clinic, cache_dir=str(clinic / "cache"))
    tasks = config.collect(Search(Path, Path(), lambda note: None))
    outcomes = prepare.prepare_pairs(tasks, workers=1)
    records = [task.record() for task in tasks]
    damaged = {}
    for path in (clinic / "cache").iterdir():
        damaged[path] = damage(path.read_bytes())
        path.write_bytes(damaged[path])
    assert prepare.prepare_pairs(tasks, workers=1) == outcomes
    # A flip in a field that nobody reads leaves a file that is whole.
    remade = sum(path.read_bytes() != data for path, data in damaged.items())
    assert caplog.text.count("made again") == remade
    assert [task.record() for task in tasks] == records


# --- manifests ---------------------------------------------------------------

HEADER = "pair_id,fundus,ffa"
ROW = "p1,p1_fundus.png,p1_ffa.png"
_LONG = "x" * 5000
_DEEP = "[" * 100_000


def _with(column, cell):
    return f"{HEADER},{column}\n{ROW},{cell}\n"


REFUSED = [
    ("name of 5,000 characters", f"{HEADER}\np1,{_LONG}.png,p1_ffa.png"),
    ("pair_id of 5,000 letters twice", f"{HEADER}\n{_LONG},a,b\n{_LONG},a,b"),
    ("category of 5,000 characters", _with("category", _LONG)),
    ("landmarks nested 100,000 deep", _with("landmarks", "deep.json")),
    ("landmarks that are no list", _with("landmarks", "odd.json")),
    ("landmarks that are not there", _with("landmarks", "../gone.json")),
    ("landmarks in a folder", _with("landmarks", ".")),
    ("two columns fundus", f"{HEADER},fundus\n{ROW},p2_fundus.png"),
    ("two columns of one name in spaces", f"{HEADER}, ffa \n{ROW},p2_ffa.png"),
    ("no column", "a,b,c\n1,2,3"),
    ("no row", HEADER),
    ("nothing", ""),
    ("a file that is not there", f"{HEADER}\np1,../gone.png,p1_ffa.png"),
    ("a folder as photograph", f"{HEADER}\np1,.,p1_ffa.png"),
    ("/dev/zero", f"{HEADER}\np1,/dev/zero,p1_ffa.png"),
    ("/etc/passwd", f"{HEADER}\np1,/etc/passwd,p1_ffa.png"),
    ("a FIFO", f"{HEADER}\np1,fifo.png,p1_ffa.png"),
    ("a link to itself", f"{HEADER}\np1,loop.png,p1_ffa.png"),
    ("NUL in a name", f"{HEADER}\np1,a\0b.png,p1_ffa.png"),
    ("HTML as category", _with("category", "<script>alert(1)</script>")),
    ("a formula as split", _with("split", "=cmd()")),
    ("nan in an affine", _with("affine", "1 0 nan 0 1 0")),
    ("infinity in an affine", _with("affine", "1 0 inf 0 1 0")),
    ("zeros as affine", _with("affine", "0 0 0 0 0 0")),
    ("huge numbers as affine", _with("affine", "1e999 0 0 0 1e999 0")),
    ("an affine that shrinks to a point", _with("affine", "1e-6 0 0 0 1e-6 0")),
    ("an open quote", f'{HEADER}\n"p1,a,b'),
    ("bits of a word", _with("bits", "twelve")),
    ("bits of 7", _with("bits", "7")),
    ("bits of 17", _with("bits", "17")),
    ("bits of 5,000 digits", _with("bits", "9" * 5000)),
    ("bits of other digits", _with("bits", "\u0661\u0662")),
]  # fmt: skip


@pytest.mark.parametrize("text", _cases("manifests", REFUSED))
def test_a_hostile_manifest_is_refused_in_a_line(clinic, tmp_path, text):
    (clinic / "deep.json").write_text(_DEEP)
    (clinic / "odd.json").write_text('{"fundus_xy": {"a": 1}, "ffa_xy": "x"}')
    os.mkfifo(clinic / "fifo.png")
    (clinic / "loop.png").symlink_to("loop.png")
    (clinic / "pairs.csv").write_text(text)
    message = _refused(write_dataset, _config(clinic), tmp_path / "data")
    assert len(message) < 3000
    assert "pairs.csv" in message
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "data",
    _cases(
        "manifests",
        [
            ("Latin-1", f"{HEADER},note\n{ROW},M\u00fcller".encode("latin-1")),
            ("UTF-16", f"{HEADER}\n{ROW}".encode("utf-16")),
            ("a field of 200 kB", f"{HEADER}\n{'y' * 200_000},a,b".encode()),
            ("random bytes", np.random.default_rng(0).bytes(5000)),
        ],
    ),
)
def test_a_manifest_of_odd_bytes_is_refused_in_a_line(clinic, data):
    (clinic / "pairs.csv").write_bytes(data)
    assert "pairs.csv" in _refused(read_manifest, clinic)


@pytest.mark.parametrize(
    "name",
    _cases(
        "manifests",
        [
            ("stray file of odd bytes", b"\xff.png"),
            ("stray file with a newline", b"a\nb.png"),
            ("stray file with an escape", b"\x1b[31m.png"),
        ],
    ),
)
def test_the_note_on_a_stray_file_can_be_printed(clinic, name):
    image = clinic / "p1_ffa.png"
    shutil.copy(image, os.path.join(os.fsencode(clinic), name))
    notes = []
    _config(clinic).find(Search(Path, clinic, notes.append, naming=True))
    (note,) = [note for note in notes if "belong to no pair" in note]
    assert note.isprintable() and note.encode("utf-8")


@pytest.mark.parametrize(
    "cell",
    _cases(
        "manifests",
        [("../ in a path", "../clinic/p1_fundus.png"),
         ("an absolute path", "{clinic}/p1_fundus.png")],
    ),
)  # fmt: skip
def test_paths_may_lead_anywhere(clinic, cell):
    """Who writes the manifest starts the program, and images only are read."""
    path = cell.format(clinic=clinic)
    (clinic / "pairs.csv").write_text(f"{HEADER}\np1,{path},p1_ffa.png\n")
    (entry,) = read_manifest(clinic)
    assert entry.fundus.samefile(clinic / "p1_fundus.png")


@pytest.mark.parametrize(
    "matrix",
    _cases(
        "manifests",
        [("a transform far away", "1 0 1e7 0 1 0"),
         ("a transform that magnifies", "1e6 0 0 0 1e6 0")],
    ),
)  # fmt: skip
def test_a_transform_that_leaves_nothing_leaves_the_pair_out(clinic, matrix):
    lines = (clinic / "pairs.csv").read_text().splitlines()
    first = re.sub(r"(p1_ffa.png),[^,]*", rf"\1,{matrix}", lines[1])
    (clinic / "pairs.csv").write_text("\n".join([lines[0], first, *lines[2:]]))
    config = _config(clinic, cache_dir=str(clinic / "cache"))
    tasks = config.collect(Search(Path, clinic, lambda note: None))
    outcome = prepare.prepare_pairs(tasks, workers=1)[0]
    assert outcome.verdict.status == "refused" and outcome.verdict.reason


# --- records -----------------------------------------------------------------


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    config = PhantomConfig(name="phantom_tiny", num_pairs=5, image_size=64)
    return write_dataset(config, folder)


@pytest.fixture
def dataset(phantoms, tmp_path):
    return Path(shutil.copytree(phantoms, tmp_path / "dataset"))


def _rewrite(folder, change):
    """Change the examples of the train split."""
    (path,) = folder.glob("*-train.tfrecord-*")
    examples = [
        tf.train.Example.FromString(data)
        for data in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    ]
    with tf.io.TFRecordWriter(str(path)) as file:
        for example in examples:
            change(example.features.feature)
            file.write(example.SerializeToString())


def _json(folder, name, change):
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))


def _features(change):
    return lambda folder: _json(
        folder, "features.json", lambda c: change(c["featuresDict"]["features"])
    )


def _file(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def _train(damage):
    def damaged(folder):
        (path,) = folder.glob("*-train.tfrecord-*")
        path.write_bytes(damage(path.read_bytes()))

    return damaged


def _named(name, value):
    def renamed(folder):
        _rewrite(
            folder,
            lambda feature: feature[name].bytes_list.value.__setitem__(
                0, value
            ),
        )

    return renamed


def _relabelled(folder):
    labels = (folder / "category.labels.txt").read_text().splitlines()
    labels[1] = "<img src=x onerror=alert(1)>"
    (folder / "category.labels.txt").write_text("\n".join(labels))


FOREIGN = [
    ("one byte flipped", _train(lambda data: _flipped(data, 0.5))),
    ("a length flipped", _train(lambda data: _flipped(data, 0))),
    ("cut", _train(lambda data: data[: len(data) // 2])),
    ("emptied", _train(lambda data: b"")),
    ("removed", lambda folder: next(folder.glob("*-train.*")).unlink()),
    ("dataset_info.json of junk", _file("dataset_info.json", b"{junk")),
    ("dataset_info.json emptied", _file("dataset_info.json", b"")),
    ("dataset_info.json of nothing", _file("dataset_info.json", b"{}")),
    ("features.json of junk", _file("features.json", b"\xff\xfe")),
    ("features.json emptied", _file("features.json", b"")),
    ("features.json removed", lambda f: (f / "features.json").unlink()),
    ("metadata.json of junk", _file("metadata.json", b"[1")),
    ("metadata.json of a list", _file("metadata.json", b"[1]")),
    ("labels removed", lambda f: (f / "category.labels.txt").unlink()),
    ("a record without circular", _features(lambda f: f.pop("circular"))),
    ("a record with a name", _features(
        lambda f: f.update(name=dict(f["pair"])))),
    ("a fundus of one channel", _features(
        lambda f: f.update(fundus=dict(f["ffa"])))),
    ("an unknown format", lambda f: _json(
        f, "metadata.json", lambda c: c.update(format=99))),
    ("a format that is no number", lambda f: _json(
        f, "metadata.json", lambda c: c.update(format="<script>" * 99))),
    ("an unknown way to split", lambda f: _json(
        f, "metadata.json", lambda c: c.update(split_by="<script>"))),
    ("a pair that is a path", _named("pair", b"/elsewhere/zq1")),
    ("a pair of HTML", _named("pair", b"<script>alert(1)</script>")),
    ("a pair with a name", _named("pair", b"Erika Mustermann")),
    ("a pair with a newline", _named("pair", b"0" * 32 + b"\n")),
    ("a category of HTML", _relabelled),
    ("never audited", lambda folder: (folder / AUDIT_NAME).unlink()),
]  # fmt: skip


@pytest.mark.parametrize("change", _cases("records", FOREIGN))
def test_damaged_and_foreign_records_are_never_trained_on(dataset, change):
    change(dataset)
    sampling = PatchSampling(32, 32)
    message = _refused(
        lambda: TrainingPatches(PreparedDataset.find(dataset), sampling, 0)
    )
    assert str(dataset) in message
    assert len(message) < 600 and "<script>" * 3 not in message


@pytest.mark.parametrize(
    ("name", "value"),
    _cases(
        "records",
        [
            ("a patient with a name", "patient", b"Erika Mustermann"),
            ("an eye with a path", "eye", b"../../eye"),
            ("a pair with a path, in the audit", "pair", b"/elsewhere/zq1"),
        ],
    ),
)
def test_foreign_identifiers_never_reach_a_reader(dataset, name, value):
    _named(name, value)(dataset)
    found = PreparedDataset.find(dataset)
    message = _refused(audit_dataset, found)
    assert f"the {name} of a record" in message
    assert value.decode() not in message
    assert "hexadecimal" in _refused(lambda: [*found.records("train")])


@pytest.mark.parametrize(
    "make",
    _cases(
        "records",
        [
            ("a hidden folder", lambda d: d / ".writing-abc" / "1.1.0"),
            ("an unfinished folder", lambda d: d / "1.1.0.incompleteXYZ"),
        ],
    ),
)
def test_unfinished_folders_are_never_found(dataset, tmp_path, make):
    data_dir = tmp_path / "data"
    shutil.copytree(dataset, data_dir / "whole")
    shutil.copytree(dataset, make(data_dir))
    assert PreparedDataset.find(data_dir).folder == data_dir / "whole"
    shutil.rmtree(data_dir / "whole")
    _assert_nothing_to_train_on(data_dir)


@pytest.mark.parametrize(
    "forget",
    _cases("records", [("no format number, the same features", None)]),
)
def test_records_from_before_the_number_are_read(dataset, forget):
    _json(dataset, "metadata.json", lambda c: c.pop("format"))
    (dataset / AUDIT_NAME).unlink()
    assert PreparedDataset.find(dataset).split_by == "patient"


def test_a_dataset_of_tfds_build_is_read_once_it_was_audited(dataset):
    (dataset / AUDIT_NAME).unlink()
    assert "ffa_keras.records.audit" in _refused(PreparedDataset.find, dataset)
    record_audit(PreparedDataset.open(dataset))
    assert PreparedDataset.find(dataset).splits


# --- flags, samples of 16 bits -----------------------------------------------


@pytest.mark.parametrize(
    "config",
    _cases(
        "flags",
        [
            ("--num_pairs=3", PhantomConfig(name="x", num_pairs=3)),
            ("--archive=gone", IsfahanConfig(name="x", archive="/gone")),
            ("--manifest=gone", FolderConfig(name="x", manifest="/gone/p.csv")),
            ("--corrections=all", IsfahanConfig(
                name="x", archive="/", corrections=("all",))),
        ],
    ),
)  # fmt: skip
def test_a_bad_flag_is_refused_before_anything_is_made(tmp_path, config):
    _refused(write_dataset, config, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def _deepen(clinic, brightest):
    """Save each angiogram with 16 bits, its brightest sample as given."""
    for number, top in enumerate(brightest, start=1):
        image = np.full((64, 64), 2000, np.uint16)
        image[0, 0] = top
        write_png(clinic / f"p{number}_ffa.png", image)


def _angiograms(clinic, notes=None):
    config = _config(clinic, cache_dir=str(clinic / "cache"))
    say = [].append if notes is None else notes.append
    tasks = config.collect(Search(Path, clinic, say))
    return [_level(task) for task in tasks]


def _level(task):
    return int(np.median(read_ffa(task.files.ffa, task.files.bits[1])))


def test_one_bright_pixel_does_not_darken_one_angiogram_of_a_collection(clinic):
    _deepen(clinic, (4090, 4100, 3000, 4095))
    notes = []
    levels = _angiograms(clinic, notes)
    assert len(set(levels)) == 1, levels
    assert levels[0] == round(2000 * 255 / 65535)
    assert any("every ffa of 16 bits is read as one of 16" in n for n in notes)


def test_the_manifest_says_how_many_bits_a_camera_has(clinic):
    _deepen(clinic, (4090, 4100, 3000, 16383))
    lines = (clinic / "pairs.csv").read_text().splitlines()
    rows = [f"{lines[0]},bits", *(f"{line},14" for line in lines[1:])]
    (clinic / "pairs.csv").write_text("\n".join(rows))
    assert _angiograms(clinic) == [round(2000 * 255 / 16383)] * 4
    (clinic / "pairs.csv").write_text("\n".join(rows).replace(",14", ",12"))
    message = _refused(_angiograms, clinic)
    assert "a sample takes 13 bits, more than the 12 of the column" in message


def test_an_early_frame_counts_among_the_angiograms_of_a_camera(clinic):
    """It is brighter than the late one, and was refused half way through."""
    _deepen(clinic, (4000, 4001, 4002, 16000))
    (clinic / "p4_ffa.png").rename(clinic / "early.png")
    lines = (clinic / "pairs.csv").read_text().splitlines()[:4]
    rows = [
        f"{lines[0]},early_ffa",
        *(f"{line},early.png" for line in lines[1:]),
    ]
    (clinic / "pairs.csv").write_text("\n".join(rows))
    assert _angiograms(clinic) == [round(2000 * 255 / 65535)] * 3
    rows = [f"{rows[0]},bits", *(f"{row},12" for row in rows[1:])]
    (clinic / "pairs.csv").write_text("\n".join(rows))
    message = _refused(_angiograms, clinic)
    assert "early.png: a sample takes 14 bits, more than the 12" in message
