"""Does a prediction repeat the vessels of a training image?

Whole frames resemble each other by their outline and shading, so that a
picture which never saw a training image may seem to copy one. Here only local
contrast counts, and how near the real FFA of the same eye comes to a training
image is taken off: what is left is 0 for the real FFA itself.
"""

import cv2
import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric

_SIDE = 128
_LIGHT_SIGMA = 5
_DARK = 8
_MOST = 1.0
_SECTION = "Copies of training images"
_METRICS = (
    Metric(
        "training_similarity",
        "correlation with nearest training FFA",
        3,
        0,
        _SECTION,
    ),
    # No direction: below 0 is not better than the truth's own 0.
    Metric(
        "copied",
        "correlation with nearest training FFA, less the real FFA's",
        3,
        0,
        _SECTION,
    ),
)


class TrainingImages:
    """The FFA images of the training split, to look for copies of them."""

    def __init__(self) -> None:
        self._signatures: list[np.ndarray] = []

    def add(self, ffa: np.ndarray) -> None:
        """Remember a training image, uint8 [H, W, 1], by its signature."""
        self._signatures.append(_signature(ffa))

    def measure(self) -> Measure:
        """Return the measure of how near predictions are to what was added.

        Its metrics are correlations of local contrast at 128x128 pixels, 0 for
        flat images: `training_similarity` with the nearest training FFA, and
        `copied`, by how much that exceeds the same figure of the real FFA.
        """
        signatures = np.stack(self._signatures)

        def nearest(image: np.ndarray) -> float:
            return float((signatures @ _signature(image)).max())

        def prepare(eye: Eye) -> Compare:
            own = nearest(eye.real)

            def compare(prediction: np.ndarray) -> dict[str, float]:
                found = nearest(prediction)
                return {"training_similarity": found, "copied": found - own}

            return compare

        return Measure("copies", _METRICS, prepare)


def _signature(image: np.ndarray) -> np.ndarray:
    """Return local contrast of mean 0 and norm 1, float32 [16384]."""
    small = cv2.resize(
        image[..., 0].astype(np.float32),
        (_SIDE, _SIDE),
        interpolation=cv2.INTER_AREA,
    )
    field = cv2.blur((small > _DARK).astype(np.float32), (7, 7)) > 0.999
    light = cv2.GaussianBlur(small, (0, 0), _LIGHT_SIGMA)
    contrast = np.clip(small / np.maximum(light, _DARK) - 1, -_MOST, _MOST)
    mean = contrast[field].mean() if field.any() else 0
    contrast = np.where(field, contrast - mean, 0)
    norm = float(np.linalg.norm(contrast))
    return (contrast / norm if norm > 1e-6 else contrast).ravel()
