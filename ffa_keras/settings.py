"""Settings as the fields of dataclasses, and the flags that follow from them.

Whatever is known of a setting stands beside its field: default, help, limits,
and what kind of setting it is. No TensorFlow: flags and `--help` cost nothing.
"""

import dataclasses
import typing
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Literal

from absl import flags

from ffa_keras.errors import InputError
from ffa_keras.files import write_text

# What is defined here is a flag of the program that asks for it.
flags.disclaim_key_flags()


def setting(
    default: Any,
    help_text: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    kind: Literal["learning", "place", "report"] = "learning",
) -> Any:
    """Return a field of a dataclass of settings.

    Args:
        default: bool, float, int or str, as the field.
        help_text: of the flag.
        low: the least value allowed.
        high: the greatest value allowed.
        choices: the values allowed.
        kind: "place" tells where something lies and "report" what is shown
            and kept; both may change while a run is under way. "learning" is
            everything else.
    """
    limits = {"low": low, "high": high, "choices": choices}
    return dataclasses.field(
        default=default, metadata={"help": help_text, "kind": kind, **limits}
    )


def check(settings: Any) -> None:
    """Hold every field of a dataclass of settings against its limits.

    Args:
        settings: the dataclass.

    Raises:
        InputError: a value is out of range; the message names the flag.
    """
    for field in dataclasses.fields(settings):
        value, told = getattr(settings, field.name), field.metadata
        low, high, choices = told["low"], told["high"], told["choices"]
        wrong = f"--{field.name}={value}:"
        if choices and value not in choices:
            raise InputError(f"{wrong} expected one of {', '.join(choices)}")
        # Written so that what is no number is refused too.
        if low is not None and not value >= low:
            raise InputError(f"{wrong} must be at least {low}")
        if high is not None and not value <= high:
            raise InputError(f"{wrong} must be at most {high}")


def learning(settings: Any) -> dict[str, Any]:
    """Return the settings that decide what is learnt, by name.

    Args:
        settings: a dataclass of settings.
    """
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
        if field.metadata["kind"] == "learning"
    }


def define_settings(
    *classes: type,
    but: Collection[str] = (),
    flag_values: flags.FlagValues = flags.FLAGS,
) -> list[flags.FlagHolder[Any]]:
    """Make a flag of every field, with its default and help.

    Args:
        *classes: dataclasses whose fields are bool, float, int or str and have
            `help` in their metadata; a field that several share is one flag.
        but: names of fields that are no flags.
        flag_values: where the flags are registered; the program's by default.

    Returns:
        The flags, which know their `name` and, once parsed, their `value` and
        whether they were `present`.
    """
    define: dict[type, Callable[..., flags.FlagHolder[Any]]] = {
        bool: flags.DEFINE_bool,
        float: flags.DEFINE_float,
        int: flags.DEFINE_integer,
        str: flags.DEFINE_string,
    }
    fields = {
        field.name: (define[typing.get_type_hints(settings)[field.name]], field)
        for settings in reversed(classes)
        for field in dataclasses.fields(settings)
        if field.name not in but
    }
    return [
        make(
            name,
            field.default,
            field.metadata["help"],
            flag_values=flag_values,
        )
        for name, (make, field) in fields.items()
    ]


def given(holders: Iterable[flags.FlagHolder[Any]]) -> dict[str, Any]:
    """Return the values of the flags that were given, by name.

    Args:
        holders: as `define_settings` returns them, parsed.
    """
    return {flag.name: flag.value for flag in holders if flag.present}


def read_flagfile(path: str | Path, *classes: type) -> dict[str, Any]:
    """Return the settings that a flagfile gives, by name.

    Args:
        path: `--name=value` a line, with comments, as absl reads it.
        *classes: as of `define_settings`.

    Raises:
        InputError: the file is absent, or holds something else.
    """
    values = flags.FlagValues()
    holders = define_settings(*classes, flag_values=values)
    try:
        stray = values(["", f"--flagfile={path}"])[1:]
    except (flags.Error, UnicodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if stray:
        raise InputError(f"{path}: cannot be read: {stray[0]!r} is no setting")
    return given(holders)


def write_flagfile(path: Path, settings: Any) -> None:
    """Write settings as a flagfile, one `--name=value` a line.

    Args:
        path: file to write, replaced whole.
        settings: a dataclass of settings.
    """
    lines = [
        f"--{name}={str(value).lower() if isinstance(value, bool) else value}\n"
        for name, value in dataclasses.asdict(settings).items()
    ]
    write_text(path, "".join(lines))
