r"""What it costs to give memory back to the system and to ask for it again.

    python -m benchmarks.allocator --flagfiles=demo,compare --rounds=3

A training step of each flagfile, on noise, in processes that take turns: with
freed memory kept, as all programs do, and given back, as the C library does by
itself. Processor seconds of user and system, so that other work on the machine
does not count.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
from types import ModuleType

from absl import flags

from benchmarks.harness import figure, show_table
from ffa_keras import cli
from ffa_keras.presets import preset

_FLAGFILES = flags.DEFINE_list("flagfiles", ["demo", "compare"], "By name.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Processes of each kind.", 1)
_STEPS = flags.DEFINE_integer("steps", 20, "Of each process.", 1)
_MEASURE = flags.DEFINE_string("measure", "", "Flagfile; used by itself.")

# What the C library would do if nobody said anything.
_GIVEN_BACK = {"MALLOC_TOP_PAD_": "131072"}
_Step = dict[str, float]


def main(config: ModuleType, measure: ModuleType, strategy: ModuleType) -> None:
    """Print the table, or one process's figures."""
    if _MEASURE.value:
        print(json.dumps(_step(config, measure, strategy)))
        return
    rows = []
    for name in _FLAGFILES.value:
        found: dict[str, list[_Step]] = {"kept": [], "given back": []}
        for _ in range(_ROUNDS.value):
            for kind, steps in found.items():
                steps.append(
                    _process(name, _GIVEN_BACK if kind == "given back" else {})
                )
        whole = {
            kind: statistics.median(s["user"] + s["system"] for s in steps)
            for kind, steps in found.items()
        }
        for kind, steps in found.items():
            median = {
                key: statistics.median(step[key] for step in steps)
                for key in steps[0]
            }
            rows.append(
                (
                    f"`{name}.cfg`, {kind}", figure(median["user"], 3),
                    figure(median["system"], 3), f"{median['faults']:,.0f}",
                    figure(whole[kind] / whole["given back"], 2),
                    f"{median['peak']:,.0f}",
                )
            )  # fmt: skip
    show_table(
        ("a step of training", "user s", "system s", "page faults",
         "of given back", "peak MB"),
        rows,
    )  # fmt: skip


def _process(name: str, environment: dict[str, str]) -> _Step:
    command = [
        sys.executable, "-m", "benchmarks.allocator", f"--measure={name}",
        f"--steps={_STEPS.value}",
    ]  # fmt: skip
    done = subprocess.run(
        command, env={**os.environ, **environment}, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _step(
    config: ModuleType, measure: ModuleType, strategy: ModuleType
) -> _Step:
    """Return what a step takes, by the difference of two trainings."""
    chosen = config.read_config(preset(_MEASURE.value))
    devices = strategy.make_strategy(1)
    spent = [_usage()]
    for steps in (2, 2, 2 + _STEPS.value):
        measure.train_on_noise(chosen, devices, steps, chosen.batch_size)
        spent.append(_usage())
    # The first has warmed up what all share.
    _, warm, short, long = spent
    return {
        key: ((long[key] - short[key]) - (short[key] - warm[key]))
        / _STEPS.value
        for key in warm
    } | {"peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


def _usage() -> _Step:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "user": used.ru_utime,
        "system": used.ru_stime,
        "faults": used.ru_minflt,
    }


if __name__ == "__main__":
    cli.run(
        main,
        "ffa_keras.training.config",
        "ffa_keras.training.doctor.measure",
        "ffa_keras.training.strategy",
    )
