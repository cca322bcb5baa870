"""A run that is killed, stopped, damaged or moved goes on as if it were not."""

import csv
import json
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
from ffa_keras.training import loop, provenance
from ffa_keras.training.checkpoints import Checkpoints
from ffa_keras.training.config import make_config
from ffa_keras.training.logs import CsvLog
from ffa_keras.training.train import train as train_here

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(phantom_dataset, tmp_path):
    """Settings of a run of three steps in this process."""

    def make(**settings):
        return make_config(
            **{
                "dataset_dir": str(phantom_dataset),
                "run_dir": str(tmp_path / "run"),
                "num_filters": 4,
                "num_blocks": 0,
                "discriminator_filters": 4,
                "perceptual_weight": 0.0,
                "saliency_weight": 0.0,
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
def test_ten_kills_at_random_moments_change_no_bit(
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
        for life in range(10):
            before, begun = _newest(killed), time.monotonic()
            process = _start([*flags, "--resume"], log)
            if life in (0, 5):
                # While it starts.
                time.sleep(moments.uniform(0, 8))
            else:
                # While it trains, saves or validates.
                while _newest(killed) == before and process.poll() is None:
                    assert time.monotonic() - begun < 120
                    time.sleep(0.02)
                time.sleep(moments.uniform(0, 1))
            process.send_signal(signal.SIGTERM if life == 8 else signal.SIGKILL)
            status = process.wait()
            deaths += status == (75 if life == 8 else -signal.SIGKILL)
            if life == 3:
                # The disk damages the newest checkpoint, too.
                newest = killed / f"checkpoints/ckpt-{_newest(killed)}"
                newest.with_suffix(".data-00000-of-00001").write_bytes(b"?")
        done = _start([*flags, "--resume"], log)
        assert done.wait() == 0
        log.seek(0)
        said = log.read()
    assert deaths == 10, said
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
    assert len(json.loads((killed / "run.json").read_text())["starts"]) >= 9
    assert not list(killed.glob("checkpoints/*_temp*"))


def test_a_stop_is_asked_for_once_and_saved(config, tmp_path, monkeypatch):
    answers = iter([False, True])
    settings = config(log_every=1)

    def run(self, stop_asked):
        loop.Loop._run(self, lambda: next(answers))

    monkeypatch.setattr(loop.Loop, "run", run)
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
    train_here(config(constant_epochs=1))
    moved = tmp_path / "moved"
    shutil.copytree(phantom_dataset, moved)
    longer = config(constant_epochs=1, dataset_dir=str(moved))
    train_here(longer, resume=True)
    record = next(moved.rglob("*train.tfrecord*"))
    content = record.read_bytes()
    length = int.from_bytes(content[:8], "little")
    record.write_bytes(content[: 16 + length])
    with pytest.raises(InputError, match="holds other records than those"):
        provenance.record_start(
            tmp_path / "run", provenance.dataset_fingerprint(moved), 1
        )
    record.write_bytes(content[:-3])
    with pytest.raises(InputError, match="cut short; prepare the data again"):
        provenance.dataset_fingerprint(moved)


def test_one_changed_byte_is_another_dataset(phantom_dataset, tmp_path):
    whole = provenance.dataset_fingerprint(phantom_dataset)
    shutil.copytree(phantom_dataset, tmp_path / "copy")
    assert provenance.dataset_fingerprint(tmp_path / "copy") == whole
    record = next((tmp_path / "copy").rglob("*test.tfrecord*"))
    (example, *_rest) = tf.data.TFRecordDataset(str(record))
    changed = bytearray(example.numpy())
    changed[len(changed) // 2] ^= 1
    with tf.io.TFRecordWriter(str(record)) as writer:
        for text in (bytes(changed), *(r.numpy() for r in _rest)):
            writer.write(text)
    assert provenance.dataset_fingerprint(tmp_path / "copy") != whole


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    value = tf.Variable(1.0)
    checkpoints = Checkpoints(tmp_path, 2, True, value=value)
    checkpoints.save()

    def full(*_):
        (tmp_path / "ckpt-2_temp").mkdir()
        raise tf.errors.ResourceExhaustedError(None, None, "No space left")

    monkeypatch.setattr(checkpoints._manager, "save", full)
    value.assign(2.0)
    with pytest.raises(InputError, match="free some space.*--resume"):
        checkpoints.save()
    assert Checkpoints(tmp_path, 2, True, value=value).restore() == []
    assert float(value) == 1
    assert not list(tmp_path.glob("*_temp*"))


@pytest.mark.parametrize("damage", ["cut", "garbled", "other variables"])
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
    elif damage == "garbled":
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    else:
        other = tf.train.Checkpoint(other=tf.Variable(1.0))
        other.write(str(tmp_path / "ckpt-2"))
    warnings = Checkpoints(tmp_path, 3, True, value=value).restore()
    assert len(warnings) == 1 and "ckpt-2: damaged" in warnings[0]
    np.testing.assert_array_equal(value, np.arange(1000.0))
    for path in tmp_path.glob("*.data*"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="every checkpoint is damaged"):
        Checkpoints(tmp_path, 3, True, value=value).restore()


def test_a_table_forgets_steps_that_were_not_saved(tmp_path):
    log = CsvLog(tmp_path, 0)
    for step in (1, 2, 3):
        log.scalars("train", {"loss": step / 10}, step)
    with open(tmp_path / "train.csv", "a") as file:
        file.write("4")
    again = CsvLog(tmp_path, 2)
    again.scalars("train", {"loss": 0.9}, 3)
    text = (tmp_path / "train.csv").read_text().split()
    assert text == ["step,loss", "1,0.1", "2,0.2", "3,0.9"]
