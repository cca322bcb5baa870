r"""Draw one phantom pair into a folder.

    python -m ffa_keras.phantom --seed=7 --category=large_focal --output=phantom

Writes `fundus.png`, `ffa.png`, `vessel_mask.png` and `leakage_mask.png`; the
fundus is not aligned with the others, as a clinic's would not be.
"""

from pathlib import Path

from absl import flags

from ffa_keras import cli
from ffa_keras.images.files import write_png
from ffa_keras.phantom import make_pair

_SEED = flags.DEFINE_integer("seed", 0, "Same seed, same eye.")
_CATEGORY = flags.DEFINE_string("category", "normal", "Class of leakage.")
_SIZE = flags.DEFINE_integer("size", 768, "Side of the pictures, pixels.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder.", required=True)


def main() -> None:
    """Draw the pair and write its pictures."""
    pair = make_pair(_SEED.value, _CATEGORY.value, _SIZE.value)
    folder = Path(_OUTPUT.value)
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("fundus", "ffa"):
        write_png(folder / f"{name}.png", getattr(pair, name))
    for name in ("vessel_mask", "leakage_mask"):
        write_png(folder / f"{name}.png", getattr(pair, name) * 255)


if __name__ == "__main__":
    cli.run(main)
