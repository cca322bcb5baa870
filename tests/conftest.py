"""Quiet TensorFlow, and a tiny prepared dataset for the tests that train."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).parents[1]


def pytest_collection_modifyitems(items):
    """Put files with slow tests first: quick ones even out the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def run_program():
    """Run one of the project's programs as a user would."""

    def run(*arguments, timeout=300, check=True, **options):
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            **options,
        )
        if check and done.returncode:
            raise AssertionError(done.stdout + done.stderr)
        return done

    return run


@pytest.fixture(scope="session")
def phantom_dataset(run_program, tmp_path_factory):
    """Folder of a prepared dataset of 16 phantom pairs, 128x128."""
    folder = tmp_path_factory.mktemp("phantom_dataset")
    run_program(
        "-m", "datasets.ffa_pairs", "--config=phantom", "--num_pairs=16",
        "--image_size=128", f"--data_dir={folder}",
    )  # fmt: skip
    return folder


SMALL_RUN = (
    "--num_filters=4",
    "--num_blocks=1",
    "--discriminator_filters=4",
    "--perceptual_weight=0",
    "--patch_height=48",
    "--patch_width=64",
    "--patch_sampling=random",
    "--patches_per_pair=2",
    "--batch_size=2",
    "--log_every=3",
    "--deterministic",
)


@pytest.fixture(scope="session")
def small_run():
    """Flags of a run that takes seconds."""
    return SMALL_RUN


@pytest.fixture(scope="session")
def trained_run(run_program, phantom_dataset, tmp_path_factory):
    """Run folder of a tiny generator trained for two epochs."""
    run_dir = tmp_path_factory.mktemp("runs") / "run"
    run_program(
        "train_main.py",
        f"--dataset_dir={phantom_dataset}",
        f"--run_dir={run_dir}",
        *SMALL_RUN,
        "--constant_epochs=1",
        "--decay_epochs=1",
    )
    return run_dir
