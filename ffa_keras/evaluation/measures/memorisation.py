"""Is a predicted FFA nearer to a training image than to the truth?"""

import cv2
import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric

_SIDE = 64
_SECTION = "Memorisation"
_METRICS = (
    Metric("own_similarity", "correlation with own FFA", 3, 1, _SECTION),
    Metric("training_similarity", "with nearest training FFA", 3, 0, _SECTION),
    Metric("nearer_to_training", "share nearer to training", 3, -1, _SECTION),
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

        Its metrics are Pearson correlations at 64x64 pixels, 0 for flat images:
        `own_similarity` with the real FFA, `training_similarity` with the
        nearest training FFA; and `nearer_to_training`, 1 where the latter is
        the higher one.
        """
        signatures = np.stack(self._signatures)

        def prepare(eye: Eye) -> Compare:
            real = _signature(eye.real)

            def compare(prediction: np.ndarray) -> dict[str, float]:
                signature = _signature(prediction)
                own = float(signature @ real)
                training = float((signatures @ signature).max())
                return {
                    "own_similarity": own,
                    "training_similarity": training,
                    "nearer_to_training": float(training > own),
                }

            return compare

        return Measure("memorisation", _METRICS, prepare)


def _signature(image: np.ndarray) -> np.ndarray:
    """Return a small image of mean 0 and norm 1, float64 [4096]."""
    small = cv2.resize(
        image[..., 0].astype(np.float64),
        (_SIDE, _SIDE),
        interpolation=cv2.INTER_AREA,
    ).ravel()
    small -= small.mean()
    norm = np.linalg.norm(small)
    return small / norm if norm else small
