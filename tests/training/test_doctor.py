"""The examination of a machine, and which devices it sees."""

import subprocess

import pytest
import tensorflow as tf

from ffa_keras.training import devices
from ffa_keras.training.config import make_config
from ffa_keras.training.doctor import report
from ffa_keras.training.strategy import make_strategy


@pytest.mark.slow
def test_a_machine_is_examined_without_data(run_program, tmp_path):
    done = run_program(
        "-m", "ffa_keras.training.doctor", "--flagfile=flagfiles/hra.cfg",
        "--num_filters=2", "--num_blocks=0", "--discriminator_filters=2",
        "--patch_height=32", "--patch_width=32", "--patch_stride=32",
        "--vgg_weights=/nowhere.npz", "--replicas=2", "--steps=1",
        "--patches=36", "--form=float32", f"--output={tmp_path}/doctor.txt",
        check=False,
    )  # fmt: skip
    text = (tmp_path / "doctor.txt").read_text()
    assert done.stdout == text
    assert "devices seen: CPU:0" in text
    assert "several replicas against one: the same weights" in text
    assert "VGG19: not at hand" in text
    assert "  float32: " in text
    assert " s a step of 2 patches on 2 devices" in text
    assert "hours for 36 patches x 200 epochs" in text
    # VGG19, which the run would need, is not there.
    assert done.returncode == 1


def test_a_measurement_that_dies_is_a_line_of_the_text(monkeypatch):
    answers = {
        "devices": '{"versions": {}, "seen": ["CPU:0"], "missed": ""}',
        "vgg": "{}",
        "step": (
            '{"replicas": 2, "first_seconds": 9, "seconds": 3.6,'
            ' "memory_mb": 100, "device_memory_mb": {"GPU:0": 50}}'
        ),
    }

    def run(command, **options):
        if '"jit_compile": true' in command[-1]:
            raise subprocess.TimeoutExpired(command, options["timeout"])
        task = command[-2]
        dead = task not in answers
        return subprocess.CompletedProcess(
            command,
            -9 * dead,
            stdout="" if dead else f"chatter\n{answers[task]}\n",
            stderr="first\nout of memory\n" * dead,
        )

    monkeypatch.setattr(report.subprocess, "run", run)
    config = make_config(patch_height=64, patch_width=64, patch_stride=64)
    lines = dict(report.examine(config, 1000, ["float32", "xla"], 3, 60.0))
    found = [line for line in lines if line.startswith("several")]
    assert found == [
        "several replicas against one: failed, exit status -9: out of memory"
    ]
    assert not lines[found[0]]
    # 500 steps of 3.6 s in each of 200 epochs: 100 hours.
    (step,) = (line for line in lines if line.startswith("  float32"))
    assert "3.6 s a step of 2 patches on 2 devices (the first 9 s)" in step
    assert "50 MB of GPU:0; 100 hours for 1000 patches x 200 epochs" in step
    (xla,) = (line for line in lines if line.startswith("  xla"))
    assert "took longer than --limit=60 seconds" in xla


@pytest.mark.parametrize(
    "hidden, nodes, built, words",
    [
        (None, 2, True, "2 GPUs"),
        (None, 1, False, "built without CUDA"),
        ("0", 1, True, "tensorflow[and-cuda]"),
        ("", 1, True, ""),
        ("-1", 1, True, ""),
        (None, 0, True, ""),
    ],
)
def test_a_gpu_that_tensorflow_misses_is_told(
    monkeypatch, tmp_path, hidden, nodes, built, words
):
    for number in range(nodes):
        (tmp_path / f"nvidia{number}").touch()
    (tmp_path / "nvidiactl").touch()
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)
    monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda: built)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    line = devices.gpus_missed(tmp_path)
    assert bool(line) == bool(words)
    assert (words if words != "2 GPUs" else "nvidia0, ") in line


def test_the_first_line_tells_the_devices():
    assert devices.describe(make_strategy(), 3) == (
        "training on 1 device: CPU:0; 3 patches a step"
    )
