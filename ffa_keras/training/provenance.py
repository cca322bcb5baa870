"""What a run was made from: data, code, libraries and machine."""

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.files import write_text
from ffa_keras.records.dataset import PreparedDataset

RECORD_NAME = "run.json"
_PACKAGES = (
    "ffa_keras", "tensorflow", "keras", "numpy", "opencv-python",
    "tensorflow-datasets",
)  # fmt: skip


def dataset_fingerprint(dataset_dir: str | Path) -> str:
    """Return `PreparedDataset.fingerprint` of the dataset in a folder."""
    return PreparedDataset.find(dataset_dir).fingerprint()


def record_start(run_dir: str | Path, fingerprint: str, replicas: int) -> None:
    """Add a start, or a resumption, to the run's `run.json`.

    Args:
        run_dir: folder of the run.
        fingerprint: of the dataset.
        replicas: devices that train together.

    Raises:
        InputError: the run was begun on other data, or its `run.json` is
            damaged.
    """
    path = Path(run_dir) / RECORD_NAME
    record: dict[str, Any] = {"dataset": fingerprint, "starts": []}
    if path.exists():
        try:
            record = json.loads(path.read_text())
            begun_on, starts = record["dataset"], record["starts"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: damaged; remove it to go on without it"
            ) from error
        if begun_on != fingerprint:
            raise InputError(
                "--dataset_dir: holds other records than those the run in"
                f" {run_dir} was begun on; name that dataset, or start another"
                " --run_dir"
            )
        starts.append(_surroundings(replicas))
    else:
        record["starts"].append(_surroundings(replicas))
    write_text(path, json.dumps(record, indent=2) + "\n")


def _surroundings(replicas: int) -> dict[str, Any]:
    return {
        "commit": _git_commit(),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
        "system": platform.platform(),
        "devices": [
            tf.config.experimental.get_device_details(device).get(
                "device_name", device.name
            )
            for device in tf.config.list_physical_devices()
        ],
        "replicas": replicas,
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    """Return the commit of the source, "+" after it where files changed."""
    source = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+"],
            cwd=source,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
