"""What a run was made from: data, code, libraries and machine."""

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from ffa_keras.errors import InputError
from ffa_keras.files import write_text
from ffa_keras.training.devices import device_names
from ffa_keras.translation.forms import fingerprint

RECORD_NAME = "run.json"
_PACKAGES = (
    "ffa_keras", "tensorflow", "keras", "numpy", "opencv-python",
    "tensorflow-datasets",
)  # fmt: skip


class Record:
    """What `run.json` says of a run: its data, its starts, and its end.

    Args:
        run_dir: folder of the run; it need not exist.
        fingerprint: of the dataset at hand.
        replicas: devices that are about to train together.

    Raises:
        InputError: the run was begun on other data, or its `run.json` is
            damaged.
    """

    def __init__(self, run_dir: str | Path, fingerprint: str, replicas: int):
        self._path = Path(run_dir) / RECORD_NAME
        self._replicas = replicas
        self._record: dict[str, Any] = {
            "dataset": fingerprint, "starts": [], "ended": False,
        }  # fmt: skip
        if self._path.exists():
            self._record |= self._read()
        if self._record["dataset"] != fingerprint:
            raise InputError(
                "--dataset_dir: holds other records than those the run in"
                f" {run_dir} was begun on; name that dataset, or start another"
                " --run_dir"
            )

    def check_devices(self) -> None:
        """Refuse to go on with a run on another number of devices.

        Raises:
            InputError: it was begun on another number.
        """
        for start in self._record["starts"]:
            if start["replicas"] != self._replicas:
                raise InputError(
                    f"--resume: the run in {self._path.parent} was begun on"
                    f" {start['replicas']} devices, here are {self._replicas},"
                    " and the steps of an epoch depend on that; go on with as"
                    " many (CUDA_VISIBLE_DEVICES), or start another --run_dir"
                )

    @property
    def ended(self) -> bool:
        """Whether the run has trained to its end."""
        return bool(self._record["ended"])

    def add_start(self, init_from: str = "") -> None:
        """Write down a start, or a resumption.

        Args:
            init_from: the model that the run began with, if any; its digest
                is written, and no path.
        """
        if init_from:
            self._record["init_from"] = fingerprint(init_from)
        self._record["starts"].append(_surroundings(self._replicas))
        self._write()

    def add_end(self) -> None:
        """Write down that the run has trained to its end."""
        self._record["ended"] = True
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            record = json.loads(self._path.read_text())
            # All that is looked at later.
            record["dataset"], [start["replicas"] for start in record["starts"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{self._path}: damaged; remove it to go on without it"
            ) from error
        return record

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._record, indent=2) + "\n")


def _surroundings(replicas: int) -> dict[str, Any]:
    return {
        "commit": _git_commit(),
        "versions": {
            "python": platform.python_version(),
            **{name: _version(name) for name in _PACKAGES},
        },
        "system": platform.platform(),
        "devices": device_names(),
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
