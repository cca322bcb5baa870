"""Quiet TensorFlow, and a tiny prepared dataset for the tests that train."""

import contextlib
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of what is tested.
settings.register_profile(
    "busy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy")

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
def real_photographs():
    """Folder of photographs beside the repository; see CONTRIBUTING.md."""
    return _beside("FFA_KERAS_PHOTOGRAPHS", "data")


@pytest.fixture(scope="session")
def real_weights():
    """Folder of published weights beside the repository."""
    return _beside("FFA_KERAS_WEIGHTS", "weights")


def _beside(variable, name):
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"{variable}: no folder {folder}")
    return folder


@pytest.fixture(scope="session")
def built_once(tmp_path_factory):
    """Return a folder of all test processes, built by the first of them."""
    # Under pytest-xdist each process has a folder of its own in a shared one.
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def once(name, build):
        folder, done = shared / f"once_{name}", shared / f"once_{name}.done"
        with _locked(shared / f"once_{name}.lock"):
            if not done.exists():
                build(folder)
                done.touch()
        return folder

    return once


@contextlib.contextmanager
def _locked(path):
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def phantom_dataset(run_program, built_once):
    """Folder of a prepared dataset of 16 phantom pairs, 128x128; read only."""
    return built_once(
        "phantom_dataset",
        lambda folder: run_program(
            "-m", "datasets.ffa_pairs", "--config=phantom", "--num_pairs=16",
            "--image_size=128", f"--data_dir={folder}",
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def unpaired_dataset(built_once):
    """Folder of a dataset of 4 photographs and 6 FFA of other eyes; no pair."""
    return built_once("unpaired_dataset", _prepare_unpaired)


def _prepare_unpaired(folder):
    from datasets.ffa_pairs.configs import FolderConfig
    from datasets.ffa_pairs.write import write_dataset
    from ffa_keras.images.files import write_png
    from ffa_keras.phantom import make_pair

    clinic, rows = folder / "clinic", ["pair_id,patient,fundus,ffa,split"]
    for number in range(10):
        pair = make_pair(number, "large_focal", 128)
        kind, cells = ("fundus", "{},") if number < 4 else ("ffa", ",{}")
        write_png(clinic / f"{number}.png", getattr(pair, kind))
        cells = cells.format(f"{number}.png")
        rows.append(f"{number},Ann {number},{cells},train")
    (clinic / "pairs.csv").write_text("\n".join(rows))
    (clinic / "key").write_text("a secret of this clinic")
    config = FolderConfig(
        name="unpaired",
        manifest=str(clinic / "pairs.csv"),
        key_file=str(clinic / "key"),
        workers=1,
    )
    write_dataset(config, folder / "data")


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
def trained_run(run_program, phantom_dataset, built_once):
    """Run folder of a tiny generator trained for two epochs; read only."""
    return built_once(
        "trained_run",
        lambda run_dir: run_program(
            "train_main.py",
            f"--dataset_dir={phantom_dataset}",
            f"--run_dir={run_dir}",
            *SMALL_RUN,
            "--constant_epochs=1",
            "--decay_epochs=1",
        ),
    )
