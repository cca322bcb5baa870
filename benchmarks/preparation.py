r"""Time and memory of preparing a collection, and how they grow with it.

    python -m benchmarks.preparation --counts=10,100,1000

Draws that many phantom pairs into a temporary folder and runs the preparation
on them as a user would, twice: from nothing, and again when every pair is
finished. `--register` lets it find the transforms, which it is given
otherwise. Seconds are those of all processors together; memory is the peak of
the largest process.
"""

import csv
import os
import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks.harness import figure, show_table
from ffa_keras import cli
from ffa_keras.images.files import write_png
from ffa_keras.phantom import CATEGORIES, make_pair
from ffa_keras.preparation.parallel import on_all_cores

_COUNTS = flags.DEFINE_list("counts", ["10", "100"], "Numbers of pairs.")
_SIZE = flags.DEFINE_integer("size", 128, "Side of the images, pixels.")
_REGISTER = flags.DEFINE_bool("register", False, "Give no transforms.")

_SPLITS = ("train",) * 7 + ("validation", "test", "test")


def main() -> None:
    """Prepare the collections and print a table."""
    show_table(
        ("pairs", "processor seconds", "a pair", "all finished before",
         "peak memory, MB"),
        (_row(int(count)) for count in _COUNTS.value),
    )  # fmt: skip


def _row(count: int) -> tuple:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _draw(folder, count)
        first, memory = _prepare(folder)
        again, _ = _prepare(folder)
    return (
        count, figure(first, 0), figure(first / count, 2), figure(again, 0),
        figure(memory, 0),
    )  # fmt: skip


def _draw(folder: Path, count: int) -> None:
    """Write phantom pairs and their manifest."""
    sizes = [_SIZE.value] * count
    folders = [folder] * count
    jobs = list(zip(folders, range(count), sizes, strict=True))
    affines = on_all_cores(_draw_pair, jobs, "drawing")
    with (folder / "pairs.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(
            "pair_id patient category split fundus ffa affine".split()
        )
        for number, affine in enumerate(affines):
            table.writerow([
                number, f"patient {number}",
                CATEGORIES[number % 4], _SPLITS[number % 10],
                f"{number}_fundus.png", f"{number}_ffa.png",
                "" if _REGISTER.value else affine,
            ])  # fmt: skip


def _draw_pair(job: tuple[Path, int, int]) -> str:
    """Write one pair and return its affine."""
    folder, number, size = job
    pair = make_pair(number, CATEGORIES[number % 4], size)
    write_png(folder / f"{number}_fundus.png", pair.fundus)
    write_png(folder / f"{number}_ffa.png", pair.ffa)
    return " ".join(map(str, pair.matrix[:2].ravel()))


def _prepare(folder: Path) -> tuple[float, float]:
    """Run the preparation; return processor seconds and peak megabytes."""
    command = [
        sys.executable, "-m", "datasets.ffa_pairs", "--config=folder",
        f"--manifest={folder / 'pairs.csv'}", f"--data_dir={folder / 'data'}",
        f"--key_file={folder / 'key'}", "--overwrite",
    ]  # fmt: skip
    silence = os.open(os.devnull, os.O_WRONLY)
    process = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, silence, n) for n in (1, 2)],
    )
    _, status, usage = os.wait4(process, 0)
    os.close(silence)
    if status:
        raise RuntimeError(" ".join(command))
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    cli.run(main)
