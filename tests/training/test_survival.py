"""A run that is killed, stopped, damaged or moved goes on as if it were not."""

import contextlib
import csv
import dataclasses
import json
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.training import loop, provenance, runs, train as training
from ffa_keras.training.checkpoints import Checkpoints
from ffa_keras.training.config import make_config
from ffa_keras.training.logs import CsvLog
from ffa_keras.training.runs import load_generator
from ffa_keras.training.train import train as train_here

ROOT = Path(__file__).parents[2]


def _fingerprint(dataset_dir):
    return PreparedDataset.find(dataset_dir).fingerprint()


@pytest.fixture
def config(phantom_dataset, tmp_path):
    """Settings of a run of three steps in this process."""

    def make(**settings):
        return make_config(
            **{
                "dataset_dir": str(phantom_dataset),
                "run_dir": str(tmp_path / "run"),
                # One network, one optimizer: what survives is the same.
                "method": "resnet_regression",
                "num_filters": 4,
                "num_blocks": 0,
                "patch_height": 32,
                "patch_width": 32,
                "patch_sampling": "random",
                "patches_per_pair": 1,
                "batch_size": 3,
                "constant_epochs": 1,
                "decay_epochs": 0,
                "num_pictures": 0,
                **settings,
            }
        )

    return make


def _newest(run_dir):
    numbers = [
        int(path.stem.removeprefix("ckpt-"))
        for path in run_dir.glob("checkpoints/ckpt-*.index")
    ]
    return max(numbers, default=0)


def _start(flags, log):
    return subprocess.Popen(
        [sys.executable, "train_main.py", *flags],
        cwd=ROOT,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def _table(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return [{**row, "images_per_second": None} for row in rows]


@pytest.mark.slow
def test_six_kills_at_random_moments_change_no_bit(
    train, tmp_path, latest_variables, read_scalars
):
    settings = (
        "--constant_epochs=6", "--decay_epochs=9", "--validate_every=5",
        "--checkpoint_every=2", "--dropout=0.3", "--num_pictures=1",
    )  # fmt: skip
    train(*settings, run_dir="whole")

    killed = tmp_path / "killed"
    flags = (tmp_path / "whole/flags.cfg").read_text()
    flags = flags.replace(str(tmp_path / "whole"), str(killed)).splitlines()
    moments = random.Random(0)
    deaths = 0
    with open(tmp_path / "log", "w+") as log:
        for life in range(6):
            before, begun = _newest(killed), time.monotonic()
            process = _start([*flags, "--resume"], log)
            if life == 0:
                # While it starts.
                time.sleep(moments.uniform(0, 8))
            else:
                # While it trains, saves or validates.
                while _newest(killed) == before and process.poll() is None:
                    assert time.monotonic() - begun < 120
                    time.sleep(0.02)
                time.sleep(moments.uniform(0, 1))
            process.send_signal(signal.SIGTERM if life == 4 else signal.SIGKILL)
            status = process.wait()
            deaths += status == (75 if life == 4 else -signal.SIGKILL)
            if life == 2:
                # The disk damages the newest checkpoint, too.
                newest = killed / f"checkpoints/ckpt-{_newest(killed)}"
                newest.with_suffix(".data-00000-of-00001").write_bytes(b"?")
        done = _start([*flags, "--resume"], log)
        assert done.wait() == 0
        log.seek(0)
        said = log.read()
    assert deaths == 6, said
    assert "damaged; trying the checkpoint before it" in said
    assert "go on with --resume" in said

    whole = latest_variables(tmp_path / "whole")
    counters = ("save_counter", "_checkpoint")
    for name, values in latest_variables(killed).items():
        if not name.startswith(counters):
            np.testing.assert_array_equal(values, whole[name], err_msg=name)
    for part in ("train", "validation"):
        tables = [
            _table(d / f"{part}.csv") for d in (tmp_path / "whole", killed)
        ]
        assert tables[0] == tables[1]
        seen = [read_scalars(d / part)[0] for d in (tmp_path / "whole", killed)]
        for tag in seen[0].keys() - {"images_per_second"}:
            assert seen[0][tag] == seen[1][tag]
    assert len(json.loads((killed / "run.json").read_text())["starts"]) >= 6
    assert not list(killed.glob("checkpoints/*_temp*"))


def test_a_stop_is_asked_for_once_and_saved(config, tmp_path, monkeypatch):
    answers = iter([False, True])
    settings = config(log_every=1)
    run = loop.Loop.run
    monkeypatch.setattr(
        loop.Loop, "run", lambda self, _: run(self, lambda: next(answers))
    )
    with pytest.raises(Interrupted, match="saved after step 2; go on with"):
        train_here(settings)
    monkeypatch.undo()
    train_here(settings, resume=True)
    rows = _table(tmp_path / "run/train.csv")
    assert [row["step"] for row in rows] == ["1", "2", "3"]


def test_a_loss_that_is_not_finite_stops_the_run(config, tmp_path, capsys):
    with pytest.raises(InputError) as error:
        train_here(config(learning_rate=1e30, log_every=1, checkpoint_every=1))
    message = str(error.value)
    assert message.startswith("step 2: not finite: loss/")
    record = next((tmp_path / "run/checkpoints").glob("ckpt-*.index"))
    assert _newest(tmp_path / "run") == int(record.stem[5:]) == 1
    ids = message.partition("pairs of the batch: ")[2].partition(".")[0]
    assert len(ids.split(", ")) == 3


def test_other_data_are_refused_and_moved_data_are_not(
    config, phantom_dataset, tmp_path, run_program
):
    train_here(config())
    moved = tmp_path / "moved"
    shutil.copytree(phantom_dataset, moved)
    train_here(config(dataset_dir=str(moved)), resume=True)
    record = next(moved.rglob("*train.tfrecord*"))
    content = record.read_bytes()
    length = int.from_bytes(content[:8], "little")
    record.write_bytes(content[: 16 + length])
    with pytest.raises(InputError, match="holds other records than those"):
        provenance.Record(tmp_path / "run", _fingerprint(moved), 1)
    record.write_bytes(content[:-3])
    with pytest.raises(InputError, match="cut short; prepare the data again"):
        _fingerprint(moved)


def test_one_changed_byte_is_another_dataset(phantom_dataset, tmp_path):
    whole = _fingerprint(phantom_dataset)
    shutil.copytree(phantom_dataset, tmp_path / "copy")
    assert _fingerprint(tmp_path / "copy") == whole
    record = next((tmp_path / "copy").rglob("*test.tfrecord*"))
    (example, *_rest) = tf.data.TFRecordDataset(str(record))
    changed = bytearray(example.numpy())
    changed[len(changed) // 2] ^= 1
    with tf.io.TFRecordWriter(str(record)) as writer:
        for text in (bytes(changed), *(r.numpy() for r in _rest)):
            writer.write(text)
    assert _fingerprint(tmp_path / "copy") != whole


@pytest.mark.parametrize(
    "error, words",
    [
        (OSError(28, "No space left on device"), "no room on the disk"),
        (
            tf.errors.ResourceExhaustedError(
                None, None, "ckpt_temp; No space left on device"
            ),
            "no room on the disk",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating"),
            "OOM when allocating",
        ),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (tf.errors.OutOfRangeError(None, None, "File too large"), "too large"),
        (tf.errors.UnknownError(None, None, "stale handle"), "stale handle"),
    ],
)
def test_a_failure_to_save_is_named_and_keeps_the_checkpoint_before(
    tmp_path, monkeypatch, error, words
):
    value = tf.Variable(1.0)
    checkpoints = Checkpoints(tmp_path, 2, True, value=value)
    checkpoints.save()

    def fail(*_):
        (tmp_path / "ckpt-2_temp").mkdir()
        raise error

    monkeypatch.setattr(tf.train.Checkpoint, "write", fail)
    value.assign(2.0)
    with pytest.raises(InputError, match=f"{words}.*--resume") as refusal:
        checkpoints.save()
    assert ("no room" in str(refusal.value)) == (words == "no room on the disk")
    assert Checkpoints(tmp_path, 2, True, value=value).restore() == []
    assert float(value) == 1
    assert not list(tmp_path.glob("*_temp*"))


def test_a_worker_lost_while_saving_is_not_a_failure_to_save(
    tmp_path, monkeypatch
):
    def fail(*_):
        raise tf.errors.UnavailableError(None, None, "connection reset")

    monkeypatch.setattr(tf.train.Checkpoint, "write", fail)
    with pytest.raises(tf.errors.UnavailableError):
        Checkpoints(tmp_path, 2, True).save()


def test_a_checkpoint_is_on_the_disk_before_an_older_one_goes(
    tmp_path, monkeypatch
):
    flushed, value = [], tf.Variable(1.0)
    real_sync, real_unlink = os.fsync, Path.unlink

    def sync(descriptor):
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        real_sync(descriptor)

    def unlink(path, *options):
        assert {"ckpt-2.index", tmp_path.name} <= set(flushed)
        assert "ckpt-2.data-00000-of-00001" in flushed
        real_unlink(path, *options)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "unlink", unlink)
    checkpoints = Checkpoints(tmp_path, 1, True, value=value)
    checkpoints.save()
    checkpoints.save()
    assert [path.name for path in tmp_path.glob("*.index")] == ["ckpt-2.index"]


def test_what_tensorflow_keeps_beside_the_checkpoints_is_not_needed(tmp_path):
    value = tf.Variable(1.0)
    Checkpoints(tmp_path, 3, True, value=value).save()
    (tmp_path / "ckpt-8 (copy).index").write_bytes(b"?")
    for number, content in enumerate((b"", b"\xff\x00junk"), 2):
        (tmp_path / "checkpoint").write_bytes(content)
        value.assign(7.0)
        again = Checkpoints(tmp_path, 3, True, value=value)
        assert again.restore() == []
        assert float(value) == 1
        again.save()
        assert tf.train.latest_checkpoint(str(tmp_path)).endswith(
            f"ckpt-{number}"
        )


def test_a_checkpoint_of_other_code_is_not_called_damaged(tmp_path):
    for kept in (tf.Variable([1.0]), tf.Variable([1.0, 2.0])):
        Checkpoints(tmp_path, 3, True, value=kept).save()
        for state in ({"other": tf.Variable(0.0)}, {"value": tf.Variable(0.0)}):
            with pytest.raises(InputError, match="whole, but not of the"):
                Checkpoints(tmp_path, 3, True, **state).restore()


@pytest.mark.parametrize("damage", ["cut", "garbled"])
def test_a_damaged_checkpoint_falls_back(tmp_path, damage):
    value = tf.Variable(np.arange(1000.0))
    checkpoints = Checkpoints(tmp_path, 3, True, value=value)
    checkpoints.save()
    value.assign(-value)
    checkpoints.save()
    data = tmp_path / "ckpt-2.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    if damage == "cut":
        data.write_bytes(content[:100])
    else:
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    warnings = Checkpoints(tmp_path, 3, True, value=value).restore()
    assert len(warnings) == 1 and "ckpt-2: damaged" in warnings[0]
    np.testing.assert_array_equal(value, np.arange(1000.0))
    for path in tmp_path.glob("*.data*"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="every checkpoint is damaged"):
        Checkpoints(tmp_path, 3, True, value=value).restore()


def test_a_table_forgets_steps_that_were_not_saved(tmp_path):
    log = CsvLog(tmp_path, {"train": 0, "validation": 0})
    for step in (1, 2, 3):
        log.scalars("train", {"loss": step / 10}, step)
    with open(tmp_path / "train.csv", "a") as file:
        file.write("4")
    again = CsvLog(tmp_path, {"train": 2, "validation": 0})
    again.scalars("train", {"loss": 0.9}, 3)
    text = (tmp_path / "train.csv").read_text().split()
    assert text == ["step,loss", "1,0.1", "2,0.2", "3,0.9"]


def test_a_table_of_an_earlier_version_keeps_its_columns(tmp_path):
    (tmp_path / "validation.csv").write_text("step,psnr,ssim\n1,20.5,0.5\n")
    log = CsvLog(tmp_path, {"train": 0, "validation": 1})
    log.scalars("validation", {"psnr": 21.0, "new": 3.0, "ssim": 0.6}, 2)
    again = (tmp_path / "validation.csv").read_text().split()
    assert again == ["step,psnr,ssim", "1,20.5,0.5", "2,21.0,0.6"]


@pytest.mark.parametrize("left", ["", "st", "\0\0\0\0", "\n\n", "foreign,1\n2"])
def test_a_table_without_a_header_is_begun_again(tmp_path, left):
    (tmp_path / "train.csv").write_text(left)
    log = CsvLog(tmp_path, {"train": 2, "validation": 0})
    log.scalars("train", {"loss": 0.9}, 3)
    assert (tmp_path / "train.csv").read_text().split() == [
        "step,loss",
        "3,0.9",
    ]


def test_tools_of_tensorflow_find_the_checkpoints(tmp_path, monkeypatch):
    """By a relative name too."""
    monkeypatch.chdir(tmp_path)
    checkpoints = Checkpoints(Path("run/ckpt"), 2, True, step=tf.Variable(0))
    for _ in range(3):
        checkpoints.save()
    assert tf.train.latest_checkpoint("run/ckpt") == "run/ckpt/ckpt-3"
    state = tf.train.get_checkpoint_state("run/ckpt")
    assert list(state.all_model_checkpoint_paths) == [
        "run/ckpt/ckpt-2", "run/ckpt/ckpt-3",
    ]  # fmt: skip


def test_a_score_that_is_no_number_replaces_no_generator(config, monkeypatch):
    scores = iter([math.nan, 20.0, 25.0, math.nan, 12.0, 26.0])
    shown, saved = [], []

    def take(means):
        if "psnr" in means:
            shown.append(next(scores))
            return {n: shown[-1] for n in ("psnr", "psnr_fitted", "ssim")}
        return {name: 0.0 for name in means}

    monkeypatch.setattr(loop, "take_means", take)
    monkeypatch.setattr(
        loop.runs, "save_generator", lambda *_: saved.append(shown[-1])
    )
    train_here(config(constant_epochs=6, keep_checkpoints=1))
    assert saved[1:] == [20.0, 25.0, 26.0]
    assert math.isnan(saved[0])


def test_a_validation_that_dies_loses_no_epoch(config, tmp_path, monkeypatch):
    settings = config(constant_epochs=2, log_every=1)
    train_here(dataclasses.replace(settings, run_dir=str(tmp_path / "whole")))
    whole = (tmp_path / "whole/validation.csv").read_text()

    def die(*_):
        raise MemoryError

    monkeypatch.setattr(loop.TensorBoardLog, "pictures", die)
    with pytest.raises(MemoryError):
        train_here(settings)
    assert _newest(tmp_path / "run") == 1
    monkeypatch.undo()
    train_here(settings, resume=True)
    assert (tmp_path / "run/validation.csv").read_text() == whole
    steps = [row["step"] for row in _table(tmp_path / "run/train.csv")]
    assert steps == [str(n) for n in range(1, len(steps) + 1)]


def test_a_lost_generator_comes_back(config, tmp_path, capsys):
    settings = config(constant_epochs=2)
    train_here(settings)
    (tmp_path / "run/generator.keras").unlink()
    train_here(settings, resume=True)
    assert "generator.keras: gone" in capsys.readouterr().out
    assert load_generator(tmp_path / "run")


def test_a_run_that_has_ended_is_left_alone_on_any_number_of_devices(
    config, tmp_path
):
    train_here(config())
    record = tmp_path / "run/run.json"
    before = record.read_bytes()
    train_here(config(), resume=True)
    assert record.read_bytes() == before
    fingerprint = _fingerprint(config().dataset_dir)
    on_four = provenance.Record(tmp_path / "run", fingerprint, 4)
    assert on_four.ended
    with pytest.raises(InputError, match="begun on 1 devices, here are 4"):
        on_four.check_devices()


def test_only_one_program_trains_in_a_run_folder(config, tmp_path):
    with runs.hold(tmp_path / "run"):
        with pytest.raises(InputError, match="another program is training"):
            train_here(config(), resume=True)
        assert not list((tmp_path / "run").iterdir())
    assert not (tmp_path / "run").exists()
    train_here(config(), resume=True)


@pytest.mark.parametrize(
    "error, lost",
    [
        (tf.errors.UnavailableError, True),
        (tf.errors.AbortedError, True),
        (tf.errors.CancelledError, True),
        (tf.errors.InternalError, False),
    ],
)
def test_only_a_lost_worker_is_called_one(config, monkeypatch, error, lost):
    def failing(strategy, *_):
        monkeypatch.setattr(
            strategy.extended, "_in_multi_worker_mode", lambda: True
        )

        def fail(*_):
            raise error(None, None, "the cause\nmore")

        return fail

    monkeypatch.setattr(loop, "replicated_train_step", failing)
    with pytest.raises(Interrupted if lost else error) as raised:
        train_here(config())
    if lost:
        assert "another worker went away" in str(raised.value)
        assert "the cause)" in str(raised.value)


def test_a_stop_before_the_first_step_is_answered(config, monkeypatch):
    @contextlib.contextmanager
    def asked():
        yield lambda: True

    monkeypatch.setattr(training, "stop_requests", asked)
    with pytest.raises(Interrupted, match="before the first step"):
        train_here(config())
    monkeypatch.undo()
    train_here(config(), resume=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_program_starts_ends_it_in_words(number):
    code = (
        "import os; from ffa_keras.training import interrupt;"
        f"interrupt.exit_on_signals(); os.kill(os.getpid(), {number:d})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 75
    assert done.stderr.startswith("interrupted: ")
