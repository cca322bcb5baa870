"""Whatever happens to a run, it can be resumed, or says in words why not.

Ids are `KIND: ROW`; `conftest.py` counts them.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.settings import write_flagfile
from ffa_keras.training import loop, runs
from ffa_keras.training.cluster import read_cluster, wait_for_others
from ffa_keras.training.config import make_config
from ffa_keras.training.logs import CsvLog
from ffa_keras.training.train import train

ROOT = Path(__file__).parents[2]
# What ends as one line of words, by `cli.run`.
IN_WORDS = (InputError, OSError, tf.errors.OpError)


@pytest.fixture(scope="module")
def settings(phantom_dataset):
    """Settings of a run of ten steps in two epochs."""
    return make_config(
        dataset_dir=str(phantom_dataset),
        run_dir="",
        method="resnet_regression",
        num_filters=2,
        num_blocks=0,
        patch_height=32,
        patch_width=32,
        patch_sampling="random",
        patches_per_pair=1,
        batch_size=2,
        constant_epochs=2,
        decay_epochs=0,
        num_pictures=1,
        log_every=1,
        checkpoint_every=2,
        deterministic=True,
    )


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    """Run folder that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train(dataclasses.replace(settings, run_dir=str(folder)))
    return folder


@pytest.fixture(scope="module")
def stopped(settings, tmp_path_factory):
    """Run folder of a run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        run = loop.Loop.run

        def stop(self, stop_asked):
            steps = 2 * self.steps_per_epoch - 1
            run(self, lambda: int(self.step) >= steps - 1)

        patch.setattr(loop.Loop, "run", stop)
        train(dataclasses.replace(settings, run_dir=str(folder)))
    return folder


@pytest.fixture
def resume(settings):
    """Go on with the run in a folder."""

    def go_on(folder, **changed):
        own = {"run_dir": str(folder), **changed}
        train(dataclasses.replace(settings, **own), resume=True)

    return go_on


def _assert_same(folder, whole):
    """Compare what two runs leave: weights, and tables but for the times."""
    weights = [
        keras.saving.load_model(each / "generator.keras", compile=False)
        for each in (folder, whole)
    ]
    for one, other in zip(*(w.get_weights() for w in weights), strict=True):
        np.testing.assert_array_equal(one, other)
    for name in ("train.csv", "validation.csv"):
        one, other = (
            [
                line.split(",")[: -1 if name == "train.csv" else None]
                for line in (each / name).read_text().splitlines()
            ]
            for each in (folder, whole)
        )
        assert one == other
    assert not list(folder.glob("checkpoints/*_temp*"))


KILLS = {
    "as the folder is claimed": ("after", "ffa_keras.training.runs.claim", 1),
    "after the first row of the log": (
        "after", "ffa_keras.training.logs.CsvLog.scalars", 1,
    ),
    "before the first checkpoint": (
        "before", "tensorflow.train.Checkpoint.write", 1,
    ),
    "before a checkpoint is flushed": (
        "after", "tensorflow.train.Checkpoint.write", 2,
    ),
    "with half of a checkpoint": (
        "half", "tensorflow.train.Checkpoint.write", 2,
    ),
    "before an epoch is validated": (
        "after", "ffa_keras.training.checkpoints.Checkpoints.save", 3,
    ),
    "before the generator is saved": (
        "before", "ffa_keras.training.runs.save_generator", 1,
    ),
    "inside the generator's save": ("after", "keras.Model.save", 1),
    "after the generator is saved": (
        "after", "ffa_keras.training.runs.save_generator", 1,
    ),
    "before the end is written down": (
        "before", "ffa_keras.training.provenance.Record.add_end", 1,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", [pytest.param(row, id=f"kill: {row}") for row in KILLS]
)
def test_a_killed_run_ends_with_the_same_bits(
    run_program, settings, whole, resume, tmp_path, moment
):
    when, function, number = KILLS[moment]
    folder = tmp_path / "run"
    own = dataclasses.replace(settings, run_dir=str(folder))
    write_flagfile(tmp_path / "flags.cfg", own)
    done = run_program(
        "-m", "tests.attack.killed_run", when, function, number,
        tmp_path / "flags.cfg", check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    resume(folder)
    _assert_same(folder, whole)


def _newest(folder):
    return max(
        folder.glob("checkpoints/ckpt-*.index"), key=lambda p: p.stat().st_mtime
    ).with_suffix("")


def _data(folder):
    return Path(f"{_newest(folder)}.data-00000-of-00001")


def _index(folder):
    return Path(f"{_newest(folder)}.index")


def _flip(path, count):
    content = bytearray(path.read_bytes())
    for place in np.linspace(0, len(content) - 1, count + 2)[1:-1]:
        content[int(place)] ^= 0x55
    path.write_bytes(content)


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty_all(folder):
    for path in folder.glob("checkpoints/*.data-*"):
        path.write_bytes(b"")


def _more_starts(folder):
    record = json.loads((folder / "run.json").read_text())
    record["starts"][0]["replicas"] = 4
    (folder / "run.json").write_text(json.dumps(record))


# Row: what is done to the folder, and the words of a refusal, if it is one.
DAMAGES = {
    "newest checkpoint cut": (lambda f: _cut(_data(f)), None),
    "newest checkpoint empty": (lambda f: _data(f).write_bytes(b""), None),
    "one byte of it flipped": (lambda f: _flip(_data(f), 1), None),
    "forty bytes of it flipped": (lambda f: _flip(_data(f), 40), None),
    "its data deleted": (lambda f: _data(f).unlink(), None),
    "its index deleted": (lambda f: _index(f).unlink(), None),
    "its index empty": (lambda f: _index(f).write_bytes(b""), None),
    "its index flipped": (lambda f: _flip(_index(f), 3), None),
    "state file deleted": (
        lambda f: (f / "checkpoints/checkpoint").unlink(), None,
    ),
    "state file empty": (
        lambda f: (f / "checkpoints/checkpoint").write_bytes(b""), None,
    ),
    "state file junk": (
        lambda f: (f / "checkpoints/checkpoint").write_bytes(b"\xff\0"), None,
    ),
    "a stray copy of a checkpoint": (
        lambda f: shutil.copy(_index(f), f / "checkpoints/ckpt-8 (copy).index"),
        None,
    ),
    "every checkpoint empty": (_empty_all, "every checkpoint is damaged"),
    "run.json empty": (
        lambda f: (f / "run.json").write_bytes(b""), "damaged; remove it",
    ),
    "run.json a list": (
        lambda f: (f / "run.json").write_bytes(b"[]"), "damaged; remove it",
    ),
    "run.json deleted": (lambda f: (f / "run.json").unlink(), None),
    "flags.cfg empty": (
        lambda f: (f / "flags.cfg").write_bytes(b""), "settings differ",
    ),
    "flags.cfg deleted": (lambda f: (f / "flags.cfg").unlink(), None),
    "events cut": (
        lambda f: [_cut(p) for p in f.glob("*/events.*")], None,
    ),
    "train.csv of NULs after its header": (
        lambda f: (f / "train.csv").open("ab").write(b"\0" * 100), None,
    ),
    "begun on other devices": (_more_starts, "begun on 4 devices, here are 1"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [pytest.param(row, id=f"run folder: {row}") for row in DAMAGES]
)
def test_a_damaged_run_folder(stopped, whole, resume, tmp_path, row):
    damage, words = DAMAGES[row]
    folder = shutil.copytree(stopped, tmp_path / "run")
    damage(folder)
    if words:
        with pytest.raises(InputError, match=words):
            resume(folder)
    else:
        resume(folder)
        _assert_same(folder, whole)


@pytest.mark.parametrize(
    "name", [pytest.param("generator.keras", id="run folder: no generator")]
)
def test_a_deleted_generator_comes_back(stopped, resume, tmp_path, name):
    folder = shutil.copytree(stopped, tmp_path / "run")
    (folder / name).unlink()
    resume(folder)
    # The best from there on, which here is the last: one epoch was left.
    kept = tf.train.load_checkpoint(
        tf.train.latest_checkpoint(folder / "checkpoints")
    )
    last = [
        kept.get_tensor(variable)
        for variable in kept.get_variable_to_shape_map()
        if "VARIABLE_VALUE" in variable
    ]
    generator = keras.saving.load_model(folder / name, compile=False)
    for weights in generator.get_weights():
        assert any(np.array_equal(weights, value) for value in last)


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="run folder: tables empty"),
        pytest.param(b"ste", id="run folder: tables cut in their header"),
        pytest.param(b"\0\0\0", id="run folder: tables of NULs"),
    ],
)
def test_tables_that_are_lost_begin_again(stopped, resume, tmp_path, content):
    folder = shutil.copytree(stopped, tmp_path / "run")
    for name in ("train.csv", "validation.csv"):
        (folder / name).write_bytes(content)
    resume(folder)
    for name in ("train.csv", "validation.csv"):
        header, *rows = (folder / name).read_text().splitlines()
        assert header.startswith("step,") and rows


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed, words",
    [
        pytest.param({"seed": 1}, "--seed=1", id="run folder: another seed"),
        pytest.param(
            {"dataset_dir": "moved"}, None, id="run folder: the data moved"
        ),
    ],
)
def test_other_settings(
    stopped, whole, resume, settings, tmp_path, changed, words
):
    folder = shutil.copytree(stopped, tmp_path / "run")
    if "dataset_dir" in changed:
        place = shutil.copytree(settings.dataset_dir, tmp_path / "moved")
        changed = {"dataset_dir": str(place)}
    if words:
        with pytest.raises(InputError, match=words):
            resume(folder, **changed)
    else:
        resume(folder, **changed)
        _assert_same(folder, whole)


@contextlib.contextmanager
def _mounted(folder, size):
    """Mount a small disk in memory, where that is permitted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("may not mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(disk):
    """Leave no byte of a disk; return the file that holds them."""
    with open(disk / "fill", "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
        with contextlib.suppress(OSError):
            while True:
                file.write(b"0")
    return disk / "fill"


# Row: the function whose Nth call finds the disk changed.
MOMENTS = {
    "at the first row of the log": (CsvLog, "scalars", 1),
    "at a later row of the log": (CsvLog, "scalars", 4),
    "at a checkpoint": (tf.train.Checkpoint, "write", 2),
    "at the row of the validation": (loop, "with_predictions", 1),
    "at the generator": (runs, "save_generator", 1),
}


def _change_at(monkeypatch, moment, change):
    owner, name, number = MOMENTS[moment]
    original, calls = getattr(owner, name), []

    def call(*arguments, **options):
        calls.append(name)
        if len(calls) == number:
            change()
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment", [pytest.param(row, id=f"full disk: {row}") for row in MOMENTS]
)
def test_a_full_disk(whole, resume, tmp_path, monkeypatch, moment):
    disk = tmp_path / "disk"
    with _mounted(disk, "8m"):
        _change_at(monkeypatch, moment, lambda: _fill(disk))
        with pytest.raises(IN_WORDS):
            resume(disk / "run")
        monkeypatch.undo()
        (disk / "fill").unlink()
        resume(disk / "run")
        _assert_same(disk / "run", whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(False, id="read-only: from the start"),
        pytest.param(True, id="read-only: as it is resumed"),
    ],
)
def test_a_read_only_disk(stopped, whole, resume, tmp_path, begun):
    disk = tmp_path / "disk"
    with _mounted(disk, "8m"):
        if begun:
            shutil.copytree(stopped, disk / "run")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises(IN_WORDS):
            resume(disk / "run")
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        resume(disk / "run")
        _assert_same(disk / "run", whole)


CHANGES = {
    "checkpoints removed": lambda f: shutil.rmtree(f / "checkpoints"),
    "tables removed": lambda f: [p.unlink() for p in f.glob("*.csv")],
    "run.json removed": lambda f: (f / "run.json").unlink(),
    "events removed": lambda f: shutil.rmtree(f / "train"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "row",
    [pytest.param(row, id=f"changed under the run: {row}") for row in CHANGES],
)
def test_a_folder_changed_under_the_run(resume, tmp_path, monkeypatch, row):
    folder = tmp_path / "run"
    save, calls = runs.save_generator, []

    def change(*arguments):
        save(*arguments)
        calls.append(row)
        if len(calls) == 1:
            CHANGES[row](folder)

    monkeypatch.setattr(runs, "save_generator", change)
    with contextlib.suppress(*IN_WORDS):
        resume(folder)
    monkeypatch.undo()
    resume(folder)
    assert runs.load_generator(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [pytest.param("", id="two at once: two resume")]
)
def test_two_at_once(run_program, stopped, whole, resume, tmp_path, row):
    folder = shutil.copytree(stopped, tmp_path / "run")
    with runs.hold(folder):
        flags = (folder / "flags.cfg").read_text().splitlines()
        flags = [line for line in flags if not line.startswith("--run_dir=")]
        refused = run_program(
            "train_main.py", *flags, f"--run_dir={folder}", "--resume",
            check=False,
        )  # fmt: skip
    assert refused.returncode == 2
    assert "another program is training there" in refused.stderr
    resume(folder)
    _assert_same(folder, whole)


def _cluster(*workers, kind="worker", index=0):
    return json.dumps(
        {
            "cluster": {"worker": list(workers)},
            "task": {"type": kind, "index": index},
        }
    )


def _free_port():
    with socket.socket() as each:
        each.bind(("localhost", 0))
        return each.getsockname()[1]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("localhost:{}", id="workers: the other never comes"),
        pytest.param("localhost:1", id="workers: a wrong port"),
        pytest.param("nowhere.invalid:4711", id="workers: an unknown host"),
    ],
)
def test_a_worker_that_waits_says_for_whom(monkeypatch, other):
    other = other.format(_free_port())
    text = _cluster(f"localhost:{_free_port()}", other)
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(
        Interrupted, match=f"no answer within 0.5 s from {other}"
    ):
        wait_for_others(read_cluster(), 0.5, lambda: False)


@pytest.mark.slow
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="workers: SIGTERM while waiting"),
        pytest.param(signal.SIGINT, id="workers: SIGINT while waiting"),
    ],
)
def test_a_worker_that_waits_can_be_stopped(settings, tmp_path, number):
    own = dataclasses.replace(settings, run_dir=str(tmp_path / "run"))
    write_flagfile(tmp_path / "flags.cfg", own)
    port = _free_port()
    text = _cluster(f"localhost:{port}", f"localhost:{_free_port()}")
    process = subprocess.Popen(
        [
            sys.executable, "train_main.py",
            f"--flagfile={tmp_path / 'flags.cfg'}",
        ],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TF_CONFIG": text},
    )  # fmt: skip
    try:
        # It waits once it listens.
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(("localhost", port), 1).close()
                break
            time.sleep(0.1)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 75
    assert "interrupted: while waiting for the other workers" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("not json", id="TF_CONFIG: not JSON"),
        pytest.param("[]", id="TF_CONFIG: a list"),
        pytest.param('"x"', id="TF_CONFIG: a string"),
        pytest.param(
            '{"cluster": {"worker": ["a:1", "b:1"]}}', id="TF_CONFIG: no task"
        ),
        pytest.param(
            _cluster("a:1", "b:1", index=2), id="TF_CONFIG: index too large"
        ),
        pytest.param(
            _cluster("a:1", "b:1", index=-1), id="TF_CONFIG: negative index"
        ),
        pytest.param(
            _cluster("a:1", "b:1", index="0"), id="TF_CONFIG: index a string"
        ),
        pytest.param(
            '{"cluster": {"worker": "a:1"},'
            ' "task": {"type": "worker", "index": 0}}',
            id="TF_CONFIG: worker a string",
        ),
        pytest.param(
            '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]},'
            ' "task": {"type": "ps", "index": 0}}',
            id="TF_CONFIG: a parameter server",
        ),
        pytest.param(_cluster("a:1", "b"), id="TF_CONFIG: no port"),
        pytest.param(_cluster("a:1", "b:99999"), id="TF_CONFIG: no such port"),
        pytest.param(_cluster("a:1", 7), id="TF_CONFIG: a number for a host"),
        pytest.param(_cluster("a:1", "a:1"), id="TF_CONFIG: one host twice"),
    ],
)
def test_a_cluster_that_is_none_is_refused_in_words(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG="):
        read_cluster()
