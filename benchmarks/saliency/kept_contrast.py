"""How much of a leak's contrast is left in the saliency map, by its window?

    python -m benchmarks.saliency.kept_contrast

Contrast is the mean of the leak less that of a ring around it: of the map, as a
share of that of the angiogram. All of it is kept of what stands out, nothing of
what the median takes for background. Medians over phantom eyes.
"""

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from ffa_keras import cli
from ffa_keras.ops import saliency_map
from ffa_keras.phantom import make_pair
from ffa_keras.records.schema import LEAKAGE

_EYES = flags.DEFINE_integer("eyes", 6, "Phantoms of each kind.", lower_bound=1)
_SIZE = 768
_WINDOWS = (51, 151, 301)
_GAP, _RING = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
               for side in (9, 33))  # fmt: skip


def _contrast(image: np.ndarray, leak: np.ndarray) -> float:
    near, far = cv2.dilate(leak, _GAP), cv2.dilate(leak, _RING)
    ring = (far > 0) & (near == 0)
    return float(image[leak > 0].mean() - image[ring].mean())


def main() -> None:
    """Print the share that each window keeps of each kind of leakage."""
    rows = []
    for category in LEAKAGE[1:]:
        shares = []
        for seed in range(_EYES.value):
            pair = make_pair(seed, category, _SIZE)
            leak = pair.leakage_mask[..., 0]
            whole = _contrast(pair.ffa[..., 0].astype(np.float32), leak)
            if leak.any() and whole > 10:
                maps = (saliency_map(pair.ffa[None], window=w)[0, ..., 0]
                        for w in _WINDOWS)  # fmt: skip
                shares.append(
                    [_contrast(m.numpy(), leak) / whole for m in maps]
                )
        medians = np.median(shares, axis=0)
        rows.append((category, *(f"{share:.0%}" for share in medians)))
    columns = ("", *(f"{side} of {_SIZE} pixels" for side in _WINDOWS))
    show_table(columns, rows, "kept contrast")


if __name__ == "__main__":
    cli.run(main)
