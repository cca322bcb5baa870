r"""How wide a glow may be until the leakage measure no longer sees it.

    python -m benchmarks.leakage_glows [--seeds=8]

Draws a glow into the real FFA of healthy phantom eyes, above, below and on both
sides of the middle, with an outline or without, and judges it as a prediction.
Prints a Markdown table of means over the pictures: what of the glow is invented
by the measure, and what the error with the exposure fitted says of it.
"""

from ffa_keras import cli  # isort: skip

import itertools
from collections.abc import Iterator

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.exposure import EXPOSURE
from ffa_keras.evaluation.measures.leakage import LEAKAGE
from ffa_keras.phantom import make_pair
from ffa_keras.registration.retina import field_of_view

_SEEDS = flags.DEFINE_integer("seeds", 8, "Phantom eyes.")
_FIRST_SEED = 5000
_SIZE = 384
_BRIGHTER = 0.8
# As shares of the field's diameter; the width of a sharp outline.
_RADII = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
_OUTLINE = 0.01
# From the middle, as shares of the diameter: (down, right).
_PLACES = ((-0.25, 0), (0.25, 0), (0, -0.25), (0, 0.25))


def _glow(
    inside: np.ndarray, place: tuple[float, float], radius: float, soft: bool
) -> np.ndarray:
    """Return a round glow in the field, float [H, W], 0 to 1."""
    diameter = 2 * np.sqrt(inside.sum() / np.pi)
    y, x = np.argwhere(inside).mean(0) + np.multiply(place, diameter)
    rows, columns = np.ogrid[: inside.shape[0], : inside.shape[1]]
    off = np.hypot(rows - y, columns - x) / diameter
    if soft:  # Half as bright where the other ends.
        return np.exp2(-((off / radius) ** 2))
    within = (off < radius).astype(np.float32)
    return cv2.GaussianBlur(within, (0, 0), _OUTLINE * diameter)


def _rows() -> Iterator[list[str]]:
    eyes = []
    for seed in range(_FIRST_SEED, _FIRST_SEED + _SEEDS.value):
        pair = make_pair(seed, "normal", _SIZE, misalignment=0.0)
        inside = field_of_view(pair.ffa[..., 0])
        eye = Eye(
            pair.fundus, pair.ffa, inside[..., None], pair.leakage_mask > 0
        )
        eyes.append((eye, LEAKAGE.of(eye), EXPOSURE.of(eye)))
    for soft in (False, True):
        for radius in _RADII:
            scores = []
            for (eye, leaks, exposure), place in itertools.product(
                eyes, _PLACES
            ):
                inside = eye.mask[..., 0]
                glow = _glow(inside, place, radius, soft)
                bright = eye.real[..., 0] * (1 + _BRIGHTER * glow)
                fake = np.clip(np.rint(bright), 0, 255).astype(np.uint8)
                found = leaks(fake[..., None])
                scores.append(
                    (
                        100 * (glow[inside] > 0.5).mean(),
                        found["leak_invented"] > 0,
                        found["leak_invented_area"],
                        exposure(fake[..., None])["l1_fitted"],
                    )
                )
            area, told, invented, error = np.nanmean(scores, axis=0)
            yield [
                "none" if soft else "sharp", f"{radius:g}", f"{area:.1f}",
                f"{told * len(scores):.0f} of {len(scores)}", f"{invented:.1f}",
                f"{error:.1f}",
            ]  # fmt: skip


def main() -> None:
    """Print the table."""
    show_table(
        (
            "outline", "radius (of the field's diameter)",
            "area (% of field)", "pictures with a region invented",
            "leak_invented_area", "l1_fitted",
        ),
        _rows(),
    )  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
