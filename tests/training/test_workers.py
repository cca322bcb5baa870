"""Several machines, here several processes, train as one does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ffa_keras.errors import InputError
from ffa_keras.training.strategy import make_strategy

ROOT = Path(__file__).parents[2]


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class _Workers:
    """Worker processes on this machine."""

    def __init__(self, folder, flags, count=2):
        addresses = [f"localhost:{port}" for port in _free_ports(count)]
        self.logs = [folder / f"worker-{index}.log" for index in range(count)]
        self.processes = []
        for index, log in enumerate(self.logs):
            cluster = {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
            with open(log, "w") as output:
                self.processes.append(
                    subprocess.Popen(
                        [sys.executable, "train_main.py", *flags],
                        cwd=ROOT,
                        env={**os.environ, "TF_CONFIG": json.dumps(cluster)},
                        stdout=output,
                        stderr=subprocess.STDOUT,
                    )
                )

    def said(self):
        return [log.read_text() for log in self.logs]

    def wait(self, seconds=240):
        deadline = time.monotonic() + seconds
        try:
            return [
                each.wait(max(deadline - time.monotonic(), 1))
                for each in self.processes
            ]
        finally:
            for each in self.processes:
                each.kill()


@pytest.fixture
def flags(train, tmp_path):
    """Flags of a run on two logical CPUs of one process, which is made."""
    settings = (
        "--batch_size=1", "--constant_epochs=1", "--decay_epochs=1",
        "--checkpoint_every=3", "--num_pictures=1",
        # Nothing that workers share, and half of the time to start.
        "--saliency_weight=0",
    )  # fmt: skip
    train(*settings, "--replicas=2", run_dir="one")
    text = (tmp_path / "one/flags.cfg").read_text()
    return text.replace("--replicas=2", "--replicas=0").splitlines()


def _in(run_dir, flags, *more):
    kept = [line for line in flags if not line.startswith("--run_dir=")]
    return [*kept, f"--run_dir={run_dir}", *more]


@pytest.mark.slow
def test_two_workers_equal_one_process_and_outlive_the_loss_of_one(
    flags, tmp_path, latest_variables, assert_close
):
    one = latest_variables(tmp_path / "one")

    workers = _Workers(tmp_path, _in(tmp_path / "two", flags))
    assert workers.wait() == [0, 0], workers.said()
    assert "validation after step" in workers.said()[0]
    assert "validation after step" not in workers.said()[1]
    two = latest_variables(tmp_path / "two")
    assert_close(_weights(one), _weights(two), 0.02)
    csv = (tmp_path / "two/train.csv").read_text().splitlines()
    assert len(csv) == len(
        (tmp_path / "one/train.csv").read_text().splitlines()
    )

    lost = tmp_path / "lost"
    workers = _Workers(tmp_path, _in(lost, flags))
    while not list(lost.glob("checkpoints/ckpt-1.index")):
        assert all(each.poll() is None for each in workers.processes)
        time.sleep(0.02)
    begun = time.monotonic()
    workers.processes[1].send_signal(signal.SIGKILL)
    chief, _ = workers.wait(120)
    assert chief != 0
    assert time.monotonic() - begun < 100
    workers = _Workers(tmp_path, _in(lost, flags, "--resume"))
    assert workers.wait() == [0, 0], workers.said()
    assert "resuming after step" in workers.said()[0]
    assert_close(two, latest_variables(lost), 0)


def _weights(variables):
    return {k: v for k, v in variables.items() if "optimizer" not in k}


@pytest.mark.parametrize(
    "text, message",
    [
        ("not json", "TF_CONFIG=not json: expected"),
        ('{"cluster": {"worker": ["a:1"]}}', "expected"),
        (
            '{"cluster": {"worker": ["a:1", "b:1"]},'
            ' "task": {"type": "worker", "index": 2}}',
            "expected",
        ),
    ],
)
def test_a_damaged_cluster_is_refused(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match=message):
        make_strategy()


def test_logical_cpus_and_machines_are_not_mixed(monkeypatch):
    cluster = {
        "cluster": {"worker": ["a:1", "b:1"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(InputError, match="--replicas=2: not together with"):
        make_strategy(2)
