"""What benchmarks share: contenders that take turns, and tables."""

import importlib.util
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from absl import flags

from ffa_keras.errors import InputError

_DOCS = flags.DEFINE_string(
    "docs", "", "Also write the table into the docs, below <!-- table NAME -->."
)
_ROOT = Path(__file__).parents[1]

# As of a record of JSON.
Reply = dict[str, Any]


class Contender:
    """A process that does its work once for every question it is asked.

    Attributes:
        name: of its row.
        ready: what it said when it had loaded; `skipped` if it cannot run.
        seconds: of each call.
    """

    def __init__(
        self, name: str, command: Sequence[str], env: Mapping[str, str] = {}
    ):
        """Start it, and wait until it is ready.

        Args:
            name: of its row.
            command: module and flags that end in `serve`.
            env: variables that it has besides ours.
        """
        self.name, self.seconds = name, list[float]()
        self._process = subprocess.Popen(
            [sys.executable, "-m", *command],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env={**os.environ, **env},
        )  # fmt: skip
        self.ready = self._reply()

    def _reply(self) -> Reply:
        line = self._process.stdout.readline()  # type: ignore[union-attr]
        return json.loads(line) if line else {"skipped": "its process ended"}

    def ask(self, **question: object) -> Reply:
        """Have it do its work once."""
        print(json.dumps(question), file=self._process.stdin, flush=True)
        reply = self._reply()
        if "seconds" in reply:
            self.seconds.append(reply["seconds"])
        return reply

    def close(self) -> None:
        """End the process."""
        # Without questions it ends by itself.
        self._process.communicate()


_AnyContender = TypeVar("_AnyContender", bound=Contender)


def able(contenders: Iterable[_AnyContender]) -> list[_AnyContender]:
    """Return those that can run; say why the others cannot."""
    found = []
    for contender in contenders:
        if "skipped" in contender.ready:
            print(f"{contender.name}: left out, {contender.ready['skipped']}")
            contender.close()
        else:
            found.append(contender)
    return found


def installed(package: str) -> bool:
    """Return whether a package can be imported, and say if it cannot."""
    if importlib.util.find_spec(package):
        return True
    print(f"{package}: not installed, left out")
    return False


def take_turns(contenders: Sequence[Contender], rounds: int) -> None:
    """Ask all in turn, so that a busy moment falls on all, and end them."""
    for _ in range(rounds):
        for contender in contenders:
            if "seconds" not in contender.ask():
                raise InputError(f"{contender.name}: its process ended early")
    for contender in contenders:
        contender.close()


def serve(load: Callable[[], tuple[Reply, Callable[..., Reply]]]) -> None:
    """Be a contender.

    Args:
        load: returns what to say once loaded, and what answers a question. A
            package that is not there ends the contest for this one.
    """
    try:
        ready, answer = load()
    except ModuleNotFoundError as error:
        print(json.dumps({"skipped": f"no {error.name}"}), flush=True)
        return
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def status_mb(field: str) -> float:
    """Return a memory figure of this process, MiB.

    Args:
        field: `VmHWM`, the most it ever held, or `VmRSS`, what it holds.

    Raises:
        InputError: the system is not Linux.
    """
    # Not getrusage: its peak is inherited from the parent.
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.exists() else ():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise InputError(f"/proc/self/status: no {field}; run this on Linux")


def peak_mb() -> float:
    """Return the most memory this process ever held, MiB."""
    return status_mb("VmHWM")


def figure(value: object, digits: int = 3) -> str:
    """Return a cell: floats rounded, everything else as it is."""
    if isinstance(value, (float, np.floating)):
        return f"{value:.{digits}f}"
    return str(value)


def show_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], part: str = ""
) -> None:
    """Print a Markdown table row by row; with `--docs`, put it there too.

    Args:
        columns: its head.
        rows: cells as text, or what `figure` makes text of.
        part: which table of its program, where there are several.
    """
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    print(*lines, sep="\n", flush=True)
    for row in rows:
        lines.append("| " + " | ".join(map(figure, row)) + " |")
        print(lines[-1], flush=True)
    print()
    if _DOCS.value:
        _write(f"{_DOCS.value} {part}".strip(), lines)


def _write(name: str, lines: list[str]) -> None:
    mark = f"<!-- table {name} -->"
    for page in (_ROOT / "README.md", *sorted((_ROOT / "docs").glob("*.md"))):
        before, found, after = page.read_text().partition(mark + "\n")
        if found:
            rest = itertools.dropwhile(
                lambda line: line.startswith("|"), after.split("\n")
            )
            page.write_text("\n".join([before + mark, *lines, *rest]))
            return
    raise InputError(f"--docs={_DOCS.value}: no page of docs has {mark}")
