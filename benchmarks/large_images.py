r"""Time and memory of a large photograph, in strips and as a whole.

    python -m benchmarks.large_images --photograph=uwf.jpg --model=runs/one \
      --heights=500,1000,2000,3000 --whole_up_to=1000

Translates the topmost rows of the photograph, each time in a process of its
own, and prints a Markdown table: seconds, peak memory above what the process
held with the model loaded, and how far strips and whole differ.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ffa_keras import cli  # isort: skip

import numpy as np
from absl import flags

from benchmarks.harness import figure, peak_mb, show_table
from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus

if TYPE_CHECKING:
    from ffa_keras.models import ResnetGenerator

_PHOTOGRAPH = flags.DEFINE_string("photograph", None, "File.", required=True)
_MODEL = flags.DEFINE_string(
    "model", "", "Run folder; a generator with random weights if empty."
)
_NUM_FILTERS = flags.DEFINE_integer("num_filters", 64, "Of the random one.")
_NUM_BLOCKS = flags.DEFINE_integer("num_blocks", 9, "Of the random one.")
_HEIGHTS = flags.DEFINE_list("heights", ["500"], "Rows to translate.")
_WHOLE_UP_TO = flags.DEFINE_integer("whole_up_to", 0, "Rows also at once.")
_ANSWER = flags.DEFINE_string("answer", "", "Used by the parent.")
_WHOLE = flags.DEFINE_bool("whole", False, "Used by the parent.")


def _generator() -> "ResnetGenerator":
    import keras

    from ffa_keras.models import ResnetGenerator
    from ffa_keras.translation.run_folder import load_generator

    if _MODEL.value:
        return load_generator(_MODEL.value)
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(_NUM_FILTERS.value, _NUM_BLOCKS.value)
    generator.build((None, None, None, 3))
    return generator


def _translate() -> None:
    """Translate once and print seconds and peak."""
    from ffa_keras.translation.strips import translate_in_strips
    from ffa_keras.translation.whole import translate

    generator = _generator()
    fundus = read_fundus(_PHOTOGRAPH.value)[: int(_HEIGHTS.value[0])]
    run = translate if _WHOLE.value else translate_in_strips
    translate(generator, fundus[:64, :64])
    before, begin = peak_mb(), time.perf_counter()
    np.save(_ANSWER.value, run(generator, fundus))
    seconds = time.perf_counter() - begin
    print(json.dumps({"seconds": seconds, "peak": peak_mb() - before}))


def _in_process(height: int, whole: bool, answer: Path) -> dict:
    done = subprocess.run(
        [
            sys.executable, "-m", "benchmarks.large_images",
            f"--photograph={_PHOTOGRAPH.value}", f"--model={_MODEL.value}",
            f"--num_filters={_NUM_FILTERS.value}",
            f"--num_blocks={_NUM_BLOCKS.value}",
            f"--heights={height}", f"--whole={whole}", f"--answer={answer}",
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    if done.returncode:
        raise InputError(f"--heights={height}: ended with {done.returncode}")
    return json.loads(done.stdout)


def _row(height: int, folder: Path) -> tuple:
    """Return a row of the table."""
    tiled = _in_process(height, False, folder / "tiled.npy")
    answer = np.load(folder / "tiled.npy").astype(int)
    size = f"{answer.shape[1]}x{len(answer)}"
    strips = (size, figure(tiled["seconds"], 0), figure(tiled["peak"], 0))
    if height > _WHOLE_UP_TO.value:
        return (*strips, "", "", "", "")
    whole = _in_process(height, True, folder / "whole.npy")
    difference = np.abs(np.load(folder / "whole.npy") - answer)
    return (
        *strips, figure(whole["seconds"], 0), figure(whole["peak"], 0),
        difference.max(), f"{100 * (difference > 0).mean():.3f} %",
    )  # fmt: skip


def main() -> None:
    """Translate once, or compare all heights."""
    if _ANSWER.value:
        _translate()
        return
    with tempfile.TemporaryDirectory() as folder:
        show_table(
            ("Pixels", "Strips s", "MB", "Whole s", "MB", "Worst", "Differ"),
            (_row(int(height), Path(folder)) for height in _HEIGHTS.value),
        )


if __name__ == "__main__":
    cli.run(main)
