r"""Say whether, and how fast, this machine can train; needs no data.

    python -m ffa_keras.training.doctor --flagfile=flagfiles/hra.cfg \
        --patches=3000 --output=doctor.txt

Every setting of `train_main.py` is a flag here too. Tells which devices are
seen and which are not, whether two replicas train what one does, whether VGG19
is at hand, the memory and the time of a step, and how long a run would take.
The text names no file, no person and no data. Exit status 1 if something that
training needs is not as it should be.
"""

from pathlib import Path

from absl import flags

from ffa_keras import cli
from ffa_keras.files import write_text
from ffa_keras.settings import define_settings, given
from ffa_keras.training.config import CONFIGS, make_config
from ffa_keras.training.doctor.report import FORMS, examine

_PATCHES = flags.DEFINE_integer(
    "patches", 1000, "Patches in an epoch, for the length of the run.", 1
)
_FORMS = flags.DEFINE_multi_enum(
    "form", list(FORMS), list(FORMS), "Forms of the step to measure."
)
_STEPS = flags.DEFINE_integer("steps", 3, "Steps that are timed.", 1)
_LIMIT = flags.DEFINE_float("limit", 900.0, "Seconds for each measurement.", 1)
_OUTPUT = flags.DEFINE_string(
    "output", "", "Text file to write; else the text is only printed."
)
_SETTINGS = define_settings(*CONFIGS.values())


def main() -> int:
    """Examine the machine, print and write what was found."""
    config = make_config(**given(_SETTINGS))
    lines, well = [], True
    for line, fine in examine(
        config, _PATCHES.value, _FORMS.value, _STEPS.value, _LIMIT.value
    ):
        print(line, flush=True)
        lines.append(line)
        well = well and fine
    if _OUTPUT.value:
        write_text(Path(_OUTPUT.value), "\n".join(lines) + "\n")
    return 0 if well else 1


if __name__ == "__main__":
    cli.run(main)
