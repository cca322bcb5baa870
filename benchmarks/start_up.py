r"""How soon a program answers, beside a bare `import tensorflow`.

    python -m benchmarks.start_up --rounds=5 --before=CHECKOUT

Every command is a process of its own, from start to end. Seconds are those of
all processors together, so that other work on the machine does not count, and
medians over rounds in which all commands take turns. `--before` names another
checkout, in which the same commands are run where it has them.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks.harness import show_table
from ffa_keras import cli

_ROUNDS = flags.DEFINE_integer("rounds", 5, "Runs of each command.", 1)
_BEFORE = flags.DEFINE_string("before", "", "Another checkout, if any.")

_ROOT = Path(__file__).parents[1]
_TRANSLATE = "-m", "ffa_keras.inference"
_PHOTOGRAPH = "--input={folder}/fundus.png", "--output={folder}/{turn}"
# Arguments of Python, and the status that they end with.
_COMMANDS = {
    "`import tensorflow`": (("-c", "import tensorflow"), 0),
    "`import ffa_keras`": (("-c", "import ffa_keras"), 0),
    "`ffa_keras --help`": (("-m", "ffa_keras", "--help"), 0),
    "`ffa_keras translate --help`": ((*_TRANSLATE, "--help"), 1),
    "refusal of a mistyped flag": ((*_TRANSLATE, "--modle=x"), 2),
    "refusal of a model that is not there": (
        (*_TRANSLATE, "--model={folder}/none", *_PHOTOGRAPH),
        2,
    ),
    "one photograph of 512x512, command to file": (
        (*_TRANSLATE, "--model=pretrained", *_PHOTOGRAPH),
        0,
    ),
    "the same, with a TFLite file": (
        (
            *_TRANSLATE,
            "--model={folder}/ffa.tflite",
            *_PHOTOGRAPH,
            "--overwrite",
        ),
        0,
    ),
}


def main() -> None:
    """Print the table."""
    checkouts = [_ROOT, *([Path(_BEFORE.value)] if _BEFORE.value else [])]
    seconds: dict[tuple[str, Path], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        drawing = "-m", "ffa_keras.phantom", "--size=512", "--category=normal"
        _seconds((*drawing, f"--output={folder}"), 0, _ROOT)
        export = "-m", "export.tflite", "--run_dir=pretrained"
        _seconds((*export, f"--output={folder}/ffa.tflite"), 0, _ROOT)
        # The first round fills the caches of the disk.
        for number in range(_ROUNDS.value + 1):
            for name, (command, status) in _COMMANDS.items():
                for index, checkout in enumerate(checkouts):
                    turn = f"{number}_{index}"
                    filled = [
                        p.format(folder=folder, turn=turn) for p in command
                    ]
                    spent = _seconds(filled, status, checkout)
                    if number:
                        seconds.setdefault((name, checkout), []).append(spent)
    medians = {key: statistics.median(times) for key, times in seconds.items()}
    columns = ["", "s", "over `import tensorflow`"]
    if _BEFORE.value:
        columns += ["s, before", "of that"]
    show_table(columns, [_row(name, medians, checkouts) for name in _COMMANDS])


def _row(
    name: str,
    medians: dict[tuple[str, Path], float],
    checkouts: list[Path],
) -> list[str]:
    now, *before = (medians[name, checkout] for checkout in checkouts)
    bare = medians["`import tensorflow`", _ROOT]
    cells = [name, f"{now:.2f}", f"{now / bare:.2f}"]
    for then in before:
        there = then == then
        cells += [f"{then:.2f}", f"{now / then:.2f}"] if there else ["none", ""]
    return cells


def _seconds(
    command: tuple[str, ...] | list[str], status: int, at: Path
) -> float:
    """Return what a process and its children spent, NaN if it went wrong."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, *command], cwd=at, check=False, capture_output=True
    )
    after = os.times()
    if done.returncode != status:
        return float("nan")
    return sum(after[2:4]) - sum(before[2:4])


if __name__ == "__main__":
    cli.run(main)
