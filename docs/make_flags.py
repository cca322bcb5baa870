"""Write `docs/flags.md`: every flag of every program, from the programs.

python docs/make_flags.py
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("flags.md")
_HEAD = """# Flags

Every flag of every program, `ffa_keras PROGRAM --flags`, as its `--help` has
them; `python docs/make_flags.py` writes this page. All programs also take
`--flagfile=FILE` with one flag a line, and `--preset=NAME` for a packaged one;
a flag after them wins over the file.
"""


def flags_page() -> str:
    """Return the page as Markdown."""
    sys.path.insert(0, str(ROOT))
    from ffa_keras.__main__ import PROGRAMS

    # `check` is `prepare` with a flag.
    sections = [
        _section(name, purpose)
        for name, (_, given, purpose) in PROGRAMS.items()
        if not given
    ]
    return "\n".join([_HEAD, *sections])


def _section(name: str, purpose: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "ffa_keras", name, "--helpxml"],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    flags = [
        flag
        for flag in ElementTree.fromstring(done.stdout).iter("flag")
        if _text(flag, "key") == "yes"
    ]
    rows = "\n".join(
        f"| `--{_text(flag, 'name')}` | {_cell(_text(flag, 'default'))}"
        f" | {_meaning(flag)} |"
        for flag in sorted(flags, key=lambda flag: _text(flag, "name"))
    )
    head = f"## {name}\n\nTo {purpose}.\n"
    if name == "client" or purpose.startswith("for "):
        head = f"## {name}\n"
    return f"{head}\n| Flag | Default | Meaning |\n|---|---|---|\n{rows}\n"


def _text(flag: ElementTree.Element, name: str) -> str:
    found = flag.find(name)
    return "" if found is None else found.text or ""


def _meaning(flag: ElementTree.Element) -> str:
    text = " ".join(_text(flag, "meaning").split())
    text = text.removesuffix("repeat this option to specify a list of values")
    values = [f"`{value.text}`" for value in flag.iter("enum_value")]
    if values:
        text = f"{text.partition('>: ')[2]} One of {', '.join(values)}."
    return text.rstrip("; ").replace("|", "\\|").replace("<", "&lt;")


def _cell(value: str) -> str:
    return f"`{value}`" if value not in ("", "[]") else ""


if __name__ == "__main__":
    PAGE.write_text(flags_page())
