"""Quiet TensorFlow, and a tiny prepared dataset for the tests that train."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).parents[1]


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
