"""The one command of an installation: `ffa_keras PROGRAM --flags`.

It only finds the program; in a clone `python -m ffa_keras` is the same.
"""

import importlib.util
import runpy
import sys

# Each with the flags that it stands for.
PROGRAMS = {
    "check": ("datasets.ffa_pairs", ["--check"], "look at every file of pairs"),
    "prepare": ("datasets.ffa_pairs", [], "align pairs and pack them"),
    "register": ("registration", [], "align one fundus with its FFA"),
    "audit": ("records.audit", [], "look for images shared by two splits"),
    "train": ("training", [], "train a system"),
    "doctor": ("training.doctor", [], "say what this machine can train"),
    "evaluate": ("evaluation", [], "judge a generator on held-out eyes"),
    "compare": ("evaluation.compare", [], "judge several systems"),
    "translate": ("inference", [], "translate photographs"),
    "export-saved-model": ("export.saved_model", [], "for TensorFlow Serving"),
    "export-tflite": ("export.tflite", [], "for small devices"),
    "operators": ("export.operators", [], "show what of a TFLite file is fast"),
    "export-web-page": ("export.web_page", [], "for a browser, in one file"),
    "client": ("export.client", [], "ask a server for a translation"),
    "phantom": ("phantom", [], "draw one phantom pair"),
}


def main() -> None:
    """Run the program that the first argument names.

    Raises:
        SystemExit: with the program's status; 2 where none is named.
    """
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in PROGRAMS:
        wanted = name in ("--help", "-h", "help")
        out = sys.stdout if wanted else sys.stderr
        if not wanted:
            print(f"error: {name!r}: no such program", file=out)
        print("usage: ffa_keras PROGRAM [--flags], or PROGRAM --help", file=out)
        for program, (_, _, purpose) in PROGRAMS.items():
            print(f"  {program:20}{purpose}", file=out)
        sys.exit(0 if wanted else 2)
    module, flags, _ = PROGRAMS[name]
    sys.argv[:2] = [f"ffa_keras {name}", *flags]
    runpy.run_module(_find(module), run_name="__main__", alter_sys=True)


def _find(module: str) -> str:
    """Return the full name of a program's module.

    A clone has `datasets` and `export` beside the package, not inside.
    """
    inside = f"{__package__}.{module}"
    top = f"{__package__}.{module.split('.')[0]}"
    return inside if importlib.util.find_spec(top) else module


if __name__ == "__main__":
    main()
