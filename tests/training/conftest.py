"""Runs of the training program, and what they leave."""

import os

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)


@pytest.fixture
def train(run_program, small_run, phantom_dataset, tmp_path):
    """Run `train_main.py` on phantoms, small, in a folder of the test."""

    def run(*flags, run_dir="run", **options):
        return run_program(
            "train_main.py",
            f"--dataset_dir={phantom_dataset}",
            f"--run_dir={tmp_path / run_dir}",
            *small_run,
            *flags,
            **options,
        )

    return run


def _read_scalars(folder):
    every = {"tensors": 0, "images": 1}
    events = EventAccumulator(str(folder), every).Reload()
    return {
        tag: {
            e.step: float(tf.make_ndarray(e.tensor_proto))
            for e in events.Tensors(tag)
        }
        for tag in events.Tags()["tensors"]
        if not tag.startswith(("pictures/", "_hparams_/"))
    }, [tag for tag in events.Tags()["tensors"] if tag.startswith("pictures/")]


def _read_variables(checkpoint):
    reader = tf.train.load_checkpoint(str(checkpoint))
    return {
        name: reader.get_tensor(name)
        for name in reader.get_variable_to_shape_map()
        if "VARIABLE_VALUE" in name
    }


def _latest_variables(run_dir):
    return _read_variables(
        tf.train.latest_checkpoint(os.path.join(run_dir, "checkpoints"))
    )


def _assert_close(first, second, atol):
    """Compare variables by name, each in units of its largest element."""
    assert first.keys() == second.keys()
    for name, values in first.items():
        scale = max(np.abs(values).max(), 1e-2)
        np.testing.assert_allclose(
            values / scale, second[name] / scale, rtol=0, atol=atol,
            err_msg=name,
        )  # fmt: skip


@pytest.fixture(scope="session")
def read_scalars():
    """Event files of a folder: values by tag and step, and picture tags."""
    return _read_scalars


@pytest.fixture(scope="session")
def read_variables():
    """Every variable of a checkpoint, by name."""
    return _read_variables


@pytest.fixture(scope="session")
def latest_variables():
    """Every variable of a run's newest checkpoint, by name."""
    return _latest_variables


@pytest.fixture(scope="session")
def assert_close():
    return _assert_close
