"""Checkpoints of a run: written whole, read back past damaged ones."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import tensorflow as tf

from ffa_keras.errors import InputError

# What TensorFlow raises for a checkpoint cut short, garbled or incomplete.
_DAMAGED = (
    tf.errors.OpError,
    AssertionError,
    IndexError,
    RuntimeError,
    ValueError,
)


class Checkpoints:
    """The latest checkpoints of a run.

    Every worker must call `save`, because some variables are gathered from
    all of them; only the chief's files stay.

    Args:
        folder: where they lie.
        keep: how many.
        chief: whether this process writes them.
        state: trackable objects by name, all variables built.
    """

    def __init__(self, folder: Path, keep: int, chief: bool, **state: Any):
        self._folder = folder
        self._chief = chief
        self._checkpoint = tf.train.Checkpoint(**state)
        self._manager = tf.train.CheckpointManager(
            self._checkpoint, str(folder), max_to_keep=keep
        )

    def restore(self) -> list[str]:
        """Take on the state of the newest checkpoint that can be read.

        Returns:
            A line of warning for each newer one that is damaged.

        Raises:
            InputError: there are checkpoints, and all of them are damaged.
        """
        warnings = []
        found = sorted(
            self._folder.glob("ckpt-*.index"), key=_number, reverse=True
        )
        for index in found:
            try:
                status = self._checkpoint.restore(str(index.with_suffix("")))
                status.assert_existing_objects_matched()
            except _DAMAGED:
                warnings.append(
                    f"{index.with_suffix('')}: damaged; trying the checkpoint"
                    " before it"
                )
            else:
                return warnings
        if found:
            raise InputError(
                f"{self._folder}: every checkpoint is damaged; start again in"
                " another --run_dir"
            )
        return warnings

    def save(self) -> None:
        """Write a checkpoint and drop the oldest beyond those kept.

        Raises:
            InputError: the disk is full; the checkpoints before stay.
        """
        if not self._chief:
            with tempfile.TemporaryDirectory() as folder:
                self._checkpoint.save(f"{folder}/ckpt")
            return
        try:
            self._manager.save()
        except (tf.errors.ResourceExhaustedError, OSError) as error:
            self._remove_halves()
            raise InputError(
                f"{self._folder}: no room for a checkpoint; free some space,"
                " then go on from the one before with --resume"
            ) from error
        self._remove_halves()

    def _remove_halves(self) -> None:
        """Remove what a save that was cut short has left."""
        for folder in self._folder.glob("*_temp*"):
            shutil.rmtree(folder, ignore_errors=True)


def _number(index: Path) -> int:
    return int(index.stem.removeprefix("ckpt-"))
