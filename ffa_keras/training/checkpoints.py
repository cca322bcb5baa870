"""Checkpoints of a run: written whole, read back past damaged ones."""

import errno
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.files import flush, write_text
from ffa_keras.methods.system import System
from ffa_keras.training.cluster import WORKER_LOST

# What TensorFlow raises for a checkpoint cut short, garbled or incomplete.
_DAMAGED = (tf.errors.OpError, IndexError, RuntimeError, ValueError)
# What it raises where a whole one holds other variables or shapes.
_OTHER = (AssertionError, tf.errors.OpError, ValueError)


class Checkpoints:
    """The latest checkpoints of a run, `ckpt-1` and so on.

    Every worker must call `save`, because some variables are gathered from
    all of them; only the chief's files stay. A checkpoint counts once it is on
    the disk; the file `checkpoint` beside them is written for TensorFlow's own
    tools and never read.

    Args:
        folder: where they lie.
        keep: how many.
        chief: whether this process writes them.
        state: trackable objects by name, all variables built.
    """

    def __init__(self, folder: Path, keep: int, chief: bool, **state: Any):
        self._folder = folder
        self._keep = keep
        self._chief = chief
        self._checkpoint = tf.train.Checkpoint(**state)
        self._latest = 0

    def restore(self) -> list[str]:
        """Take on the state of the newest checkpoint that can be read.

        Returns:
            A line of warning for each newer one that is damaged.

        Raises:
            InputError: there are checkpoints, and all of them are damaged; or
                the newest that is whole was saved by other code.
        """
        warnings: list[str] = []
        numbers = self._numbers()
        for number in reversed(numbers):
            path = self._folder / f"ckpt-{number}"
            if _is_whole(path):
                self._read(path)
                self._latest = number
                return warnings
            warnings.append(f"{path}: damaged; trying the checkpoint before it")
        if numbers:
            raise InputError(
                f"{self._folder}: every checkpoint is damaged; start again in"
                " another --run_dir"
            )
        return warnings

    def save(self) -> None:
        """Write a checkpoint and drop the oldest beyond those kept.

        Raises:
            InputError: it cannot be written, for instance because the disk is
                full; the checkpoints before stay.
        """
        if not self._chief:
            with tempfile.TemporaryDirectory() as folder:
                self._checkpoint.write(f"{folder}/ckpt")
            return
        number = self._latest + 1
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._checkpoint.write(str(self._folder / f"ckpt-{number}"))
            for path in (*self._folder.glob(f"ckpt-{number}.*"), self._folder):
                flush(path)
            self._latest = number
            self._tidy()
        except WORKER_LOST:
            raise
        except (tf.errors.OpError, OSError) as error:
            raise InputError(
                f"{self._folder}: no checkpoint can be written:"
                f" {_reason(error)}; once that is mended, go on from the one"
                " before with --resume"
            ) from error
        finally:
            self._remove_halves()

    def _read(self, path: Path) -> None:
        try:
            status = self._checkpoint.read(str(path))
            # A part of what was saved may be enough.
            status.expect_partial().assert_existing_objects_matched()
        except _OTHER as error:
            raise InputError(
                f"{path}: whole, but not of the networks that this code makes;"
                " go on with the version that run.json names, or start another"
                " --run_dir"
            ) from error

    def _numbers(self) -> list[int]:
        """Return the numbers of the checkpoints that lie there, ascending."""
        found = (
            re.fullmatch(r"ckpt-(\d+)\.index", path.name)
            for path in self._folder.glob("ckpt-*.index")
        )
        return sorted(int(match[1]) for match in found if match)

    def _tidy(self) -> None:
        """Drop all but the latest; newer ones were damaged."""
        kept = range(self._latest - self._keep + 1, self._latest + 1)
        for number in self._numbers():
            if number not in kept:
                # The index first: without it there is no checkpoint.
                (self._folder / f"ckpt-{number}.index").unlink()
                for path in self._folder.glob(f"ckpt-{number}.data-*"):
                    path.unlink()
        names = [f"ckpt-{number}" for number in self._numbers()]
        write_text(
            self._folder / "checkpoint",
            f'model_checkpoint_path: "{names[-1]}"\n'
            + "".join(f'all_model_checkpoint_paths: "{n}"\n' for n in names),
        )

    def _remove_halves(self) -> None:
        """Remove what a save that was cut short has left."""
        for folder in self._folder.glob("*_temp*"):
            shutil.rmtree(folder, ignore_errors=True)


def _is_whole(path: Path) -> bool:
    """Tell whether every tensor of a checkpoint is as its checksum says."""
    try:
        reader = tf.train.load_checkpoint(str(path))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except _DAMAGED:
        return False
    return True


def _reason(error: tf.errors.OpError | OSError) -> str:
    """Return why nothing could be written, in one line."""
    text = getattr(error, "strerror", None) or str(error)
    full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if full or os.strerror(errno.ENOSPC) in text:
        return "no room on the disk"
    return f"{type(error).__name__}, {text.splitlines()[0]}"


def untracked_variables(method: System) -> list[tf.Variable]:
    """Return the state that a checkpoint of the system itself leaves out.

    Keras hides from TensorFlow where dropout stands in its random numbers,
    and its metrics: the sums since the last line of the log.

    Args:
        method: the system that trains.
    """
    means = method.train_means.values()
    variables = [*method.variables, *(v for m in means for v in m.variables)]
    return [v.value for v in variables if not v.trainable]
