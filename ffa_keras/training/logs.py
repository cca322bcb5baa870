"""What a run tells while it trains: a progress line, TensorBoard and CSV."""

import csv
import os
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.plugins.hparams.api import hparams
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from ffa_keras.files import replacing
from ffa_keras.images.pictures import case_panel
from ffa_keras.translation.keras_model import translator_of


class Progress:
    """One line with the step, the losses and the time left.

    On a terminal the line is redrawn; in a file there is a line at each
    logging interval.

    Args:
        total_steps: steps of the whole run.
        steps_per_epoch: steps of an epoch.
        first_step: where this process starts, after a resume not 0.
    """

    def __init__(self, total_steps: int, steps_per_epoch: int, first_step: int):
        self._total = total_steps
        self._per_epoch = steps_per_epoch
        self._first = first_step
        self._started = time.monotonic()
        self._redraw = "\r\x1b[K" if sys.stdout.isatty() else ""

    def show(self, step: int, values: Mapping[str, float]) -> None:
        """Print where the run stands.

        Args:
            step: steps done, from the start of the run.
            values: latest losses and figures by name.
        """
        done = step - self._first
        seconds = time.monotonic() - self._started
        left = (self._total - step) * seconds / max(done, 1)
        epoch = (step - 1) // self._per_epoch + 1
        shown = "  ".join(
            f"{name.removeprefix('loss/')} {value:.4g}"
            for name, value in values.items()
        )
        print(
            f"{self._redraw}epoch {epoch}/{self._total // self._per_epoch}"
            f"  step {step}/{self._total}  {shown}"
            f"  {_clock(left)} left",
            end="" if self._redraw else "\n",
            flush=True,
        )

    def note(self, text: str) -> None:
        """Print a line of its own.

        Args:
            text: the line.
        """
        print(f"{self._redraw}{text}", flush=True)


class TensorBoardLog:
    """Scalars and picture grids for `tensorboard --logdir`.

    Args:
        run_dir: folder of the run; events go to `train` and `validation`.
        done: the last step of each part that counts; what an interrupted
            process wrote of later ones is not shown.
    """

    def __init__(self, run_dir: Path, done: Mapping[str, int]):
        self._writers = {}
        for part, step in done.items():
            folder = str(run_dir / part)
            if Path(folder).exists():
                _forget_after(folder, step)
            self._writers[part] = tf.summary.create_file_writer(folder)

    def settings(self, values: Mapping[str, bool | float | int | str]) -> None:
        """Write what TensorBoard's HParams tab compares runs by.

        Args:
            values: the settings that decide what is learnt, by name.
        """
        # Beside the scores: the tab shows the last ones of the same folder.
        with self._writers["validation"].as_default():
            hparams(dict(values))
        self._writers["validation"].flush()

    def scalars(
        self, part: str, values: Mapping[str, float], step: int
    ) -> None:
        """Write scalars.

        Args:
            part: `"train"` or `"validation"`.
            values: by tag.
            step: steps done, from the start of the run.
        """
        with self._writers[part].as_default():
            for tag, value in values.items():
                tf.summary.scalar(tag, value, step)
        self._writers[part].flush()

    def pictures(
        self, generator: keras.Model, pairs: tf.data.Dataset, step: int
    ) -> None:
        """Write a panel for each pair: images, difference and saliency maps.

        Args:
            generator: the model.
            pairs: batches of one, as `validation_pairs` gives them.
            step: steps done, from the start of the run.
        """
        translate = translator_of(generator)
        with self._writers["validation"].as_default():
            for number, pair in enumerate(pairs):
                fundus = pair["fundus"][0].numpy()
                panel = case_panel(
                    fundus,
                    pair["ffa"][0].numpy(),
                    translate(fundus),
                    pair["valid_mask"][0].numpy() > 0,
                )
                tf.summary.image(f"pictures/{number}", panel[None], step)
        self._writers["validation"].flush()


def _forget_after(folder: str, step: int) -> None:
    """Tell TensorBoard that the run was taken up again after a step."""
    start = Event(
        wall_time=time.time(),
        step=step + 1,
        session_log=SessionLog(status=SessionLog.START),
    )
    writer = EventFileWriter(folder)
    writer.add_event(start)
    writer.close()


class CsvLog:
    """The same scalars as tables, `train.csv` and `validation.csv`.

    Args:
        run_dir: folder of the run.
        done: the last step of each part, `"train"` and `"validation"`, that
            counts; rows of later steps, of which an interrupted process had
            not saved a checkpoint, are dropped.
    """

    def __init__(self, run_dir: Path, done: Mapping[str, int]):
        self._paths = {part: run_dir / f"{part}.csv" for part in done}
        for part, path in self._paths.items():
            if path.exists():
                _keep_rows(path, done[part])

    def scalars(
        self, part: str, values: Mapping[str, float], step: int
    ) -> None:
        """Add a row.

        Args:
            part: `"train"` or `"validation"`.
            values: by column; the same names every time.
            step: steps done, from the start of the run.
        """
        path = self._paths[part]
        if not path.exists():
            _write_rows(path, [["step", *values]])
        with open(path, newline="", encoding="utf-8") as file:
            header = next(csv.reader(file))
        # A table keeps its columns, though a later version may have more.
        row = [step, *(values.get(name, "") for name in header[1:])]
        with open(path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow(row)
            file.flush()
            os.fsync(file.fileno())


def _keep_rows(path: Path, last_step: int) -> None:
    """Drop the rows of later steps; a table without a header is none."""
    with open(path, newline="", encoding="utf-8", errors="replace") as file:
        header, *rows = [*csv.reader(file)] or [[]]
    if header[:1] != ["step"]:
        path.unlink()
        return
    # A row that was cut short as the process died belongs to a later step.
    kept = [
        row
        for row in rows
        if len(row) == len(header)
        and row[0].isdigit()
        and int(row[0]) <= last_step
    ]
    _write_rows(path, [header, *kept])


def _write_rows(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write a table whole, so that its header is never cut short."""
    with (
        replacing(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file).writerows(rows)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
