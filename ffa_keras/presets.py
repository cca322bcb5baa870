"""Flagfiles on the command line: those of the package by name, and order."""

import sys
from pathlib import Path

from absl import flags

from ffa_keras.errors import InputError

_HERE = Path(__file__).parent
# Inside an installation, beside the package in a clone.
_FOLDERS = (_HERE / "flagfiles", _HERE.parent / "flagfiles")


def expand(arguments: list[str]) -> list[str]:
    """Put `--flagfile=PATH` in the place of each `--preset=NAME`.

    Warns of every flag that a flagfile after it overrules.

    Args:
        arguments: of the command line, without the program.

    Returns:
        As many arguments or fewer.

    Raises:
        InputError: there is no such preset.
        OSError, absl.flags.Error: a flagfile cannot be read.
    """
    rest = iter(arguments)
    expanded: list[str] = []
    for argument in rest:
        if argument == "--":
            return [*expanded, argument, *rest]
        name, value = _split(argument)
        if name in ("preset", "flagfile"):
            value = next(rest, "") if value is None else value
            path = str(preset(value)) if name == "preset" else value
            argument = f"--flagfile={path}"
            _warn_of_losers(expanded, argument)
        expanded.append(argument)
    return expanded


def preset(name: str) -> Path:
    """Return the path of a flagfile of this package.

    Args:
        name: without folder and suffix.

    Raises:
        InputError: there is none of that name.
    """
    found = {path.stem: path for f in _FOLDERS for path in f.glob("*.cfg")}
    if name not in found:
        raise InputError(
            f"--preset={name}: no such preset; there are"
            f" {', '.join(sorted(found))}"
        )
    return found[name]


def _warn_of_losers(earlier: list[str], flagfile: str) -> None:
    lines = flags.FLAGS.read_flags_from_files([flagfile])
    winners = {_split(line)[0]: line for line in lines}
    for argument in earlier:
        winner = winners.get(_split(argument)[0], argument)
        if winner != argument and _split(argument)[0] != "flagfile":
            print(
                f"warning: {argument} loses to {winner} in {flagfile}; give it"
                " after the flagfile",
                file=sys.stderr,
            )


def _split(argument: str) -> tuple[str, str | None]:
    """Return name and value of a flag; `None` where it has no value."""
    name, equals, value = argument.lstrip("-").partition("=")
    return name, value if equals else None
