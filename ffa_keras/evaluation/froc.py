"""FROC: how much is found for how many inventions an image."""

import numpy as np

from ffa_keras.evaluation.charts import froc_chart
from ffa_keras.evaluation.measures.matching import Findings, froc

_INVENTED = {
    "broad leaks, off the disc": np.linspace(0, 4, 33).tolist(),
    "dots": np.linspace(0, 16, 33).tolist(),
}
_Image = tuple[np.ndarray, np.ndarray, np.ndarray, int]


class Froc:
    """Gathers what a system shows of the leaks of one eye after the other."""

    def __init__(self) -> None:
        self._images: dict[str, list[_Image]] = {name: [] for name in _INVENTED}

    def add(self, found: Findings) -> None:
        """Count an eye in."""
        numbers = np.arange(1, len(found.contrast) + 1)
        broad, dots = self._images.values()
        # A leak counts once, where its clearest finding stands.
        first = [found.first_met[n] for n in found.met & found.wanted]
        hits = np.bincount(first, minlength=len(numbers) + 1)[1:]
        invented = np.isin(numbers, [*found.invented])
        broad.append((found.contrast, hits, invented, len(found.wanted)))
        expected = len(found.missed_dots) + int(found.dots_hit.sum())
        dots.append(
            (found.dots[:, 2], found.dots_hit, found.dots_invented, expected)
        )

    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Return (invented an image, share found) by kind; NaN without any."""
        return {
            name: [*zip(invented, froc(images, invented), strict=True)]
            for images, (name, invented) in zip(
                self._images.values(), _INVENTED.items(), strict=True
            )
        }

    def chart(self) -> str:
        """Return the curves of what there was to find as SVG."""
        return "".join(
            froc_chart(name, curve)
            for name, curve in self.curves().items()
            if not np.isnan(curve[0][1])
        )
