"""Time and memory of the median filter and of the saliency term.

`python -m benchmarks.saliency --output=FOLDER` times our median filter and its
gradient against OpenCV, SciPy, scikit-image, PyTorch and kornia (those that
are installed), prints a Markdown table and writes `saliency.csv` and
`saliency.png`. Every contender has a process of its own; calls are interleaved
so that a busy moment of the machine falls on all of them.
"""

import csv
import os
import statistics
from pathlib import Path

from ffa_keras import cli  # isort: skip

from absl import flags

from benchmarks.harness import Contender, able, figure, show_table
from benchmarks.saliency.contenders import CONTENDERS
from ffa_keras.errors import InputError

_OUTPUT = flags.DEFINE_string("output", "", "folder for the table and plot")
_QUICK = flags.DEFINE_bool(
    "quick", False, "only a 51-pixel window on 512x512, five rounds"
)
_EXPORT_STABLEHLO = flags.DEFINE_string(
    "export_stablehlo",
    "",
    "write filter and gradient as StableHLO to this folder instead",
)

SIZE, WINDOW = 512, 51
SIZES = (128, 256, 512, 1024, 2048)
WINDOWS = (3, 7, 15, 31, 51, 75, 101)
ROUNDS = 7
# A contender sits out the larger jobs once a call of its takes this long.
PATIENCE = 4.0
# Seconds and MB, measured once with TensorFlow 2.15 on one 512x512 image; a
# run takes as long as all the others together.
TFA = {
    "contender": "TensorFlow Addons 0.23.0 (recorded)",
    "size": SIZE,
    "window": WINDOW,
    "min": 37.7,
    "median": 37.7,
    "memory": 7400.0,
}


class _Filter(Contender):
    """A contender, and what has been too large for it."""

    def __init__(self, name: str):
        super().__init__(name, ["benchmarks.saliency.contenders", name])
        # (side, window) of the jobs at which it gave up.
        self.gave_up: list[tuple[int, int]] = []


def _measure(workers: list[_Filter], size: int, window: int) -> list[dict]:
    """Time one job with every worker that has patience for it."""
    rows, active = [], []
    for worker in workers:
        if any(size >= s and window >= w for s, w in worker.gave_up):
            continue
        reply = worker.ask(size=size, window=window)
        if reply.get("seconds", PATIENCE) >= PATIENCE:
            worker.gave_up.append((size, window))
        if "seconds" not in reply:
            continue
        row = {
            "contender": worker.name,
            "size": size,
            "window": window,
            "memory": reply["memory"],
            "times": [reply["seconds"]],
        }
        rows.append(row)
        active.append((worker, row))
    for _ in range(ROUNDS):
        for worker, row in active:
            if sum(row["times"]) < PATIENCE / 2:
                row["times"].append(worker.ask()["seconds"])
    for row in rows:
        times = row.pop("times")
        row["min"], row["median"] = min(times), statistics.median(times)
    return rows


def _run_jobs(jobs: list[tuple[int, int]]) -> list[dict]:
    workers = able([_Filter(name) for name in CONTENDERS])
    try:
        return [row for job in jobs for row in _measure(workers, *job)]
    finally:
        for worker in workers:
            worker.close()


def _show(rows: list[dict]) -> None:
    opencv = {
        (r["size"], r["window"]): r["min"]
        for r in rows
        if r["contender"] == "OpenCV"
    }
    show_table(
        ("Image", "Window", "Filter", "Best s", "Median s", "Against OpenCV",
         "Peak MB"),
        (
            (
                f"{r['size']}×{r['size']}", r["window"], r["contender"],
                figure(r["min"], 4), figure(r["median"], 4),
                figure(r["min"] / opencv[r["size"], r["window"]], 1),
                "" if r["memory"] is None else figure(r["memory"], 0),
            )
            for r in rows
        ),
    )  # fmt: skip


def _plot(rows: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5), sharey=True)
    panels = (
        ("window", lambda r: r["size"] == SIZE, f"{SIZE}×{SIZE} image"),
        ("size", lambda r: r["window"] == WINDOW, f"{WINDOW}×{WINDOW} window"),
    )
    for axis, (key, chosen, title) in zip(axes, panels, strict=True):
        for name in dict.fromkeys(r["contender"] for r in rows):
            points = sorted(
                (r[key], r["min"])
                for r in rows
                if chosen(r) and r["contender"] == name
            )
            if points:
                axis.plot(*zip(*points, strict=True), "o-", ms=4, label=name)
        axis.set(xscale="log", yscale="log", title=title)
        axis.set_xlabel(f"{key}, pixels")
    axes[0].set_ylabel("seconds, best of a run")
    axes[1].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def _compare(output: Path | None) -> None:
    jobs = [(SIZE, WINDOW)]
    if not _QUICK.value:
        jobs += [(SIZE, w) for w in WINDOWS if w != WINDOW]
        jobs += [(s, WINDOW) for s in SIZES if s != SIZE]
    rows = sorted(
        [*_run_jobs(jobs), TFA],
        key=lambda r: (r["size"] != SIZE, r["size"], r["window"]),
    )
    _show(rows)
    if output is None:
        return
    output.mkdir(parents=True, exist_ok=True)
    with open(output / "saliency.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, TFA.keys())
        writer.writeheader()
        writer.writerows(rows)
    _plot(rows, output / "saliency.png")


def main() -> None:
    """Compare, or do what the flags ask for instead."""
    if _EXPORT_STABLEHLO.value:
        from benchmarks.saliency.stablehlo import export

        export(Path(_EXPORT_STABLEHLO.value))
    else:
        if _OUTPUT.value and os.path.isfile(_OUTPUT.value):
            raise InputError("--output: is a file; name a folder")
        _compare(Path(_OUTPUT.value) if _OUTPUT.value else None)


if __name__ == "__main__":
    cli.run(main)
