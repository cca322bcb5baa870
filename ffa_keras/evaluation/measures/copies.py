"""Does a prediction repeat the vessels of a training image?

Whole frames resemble each other by their outline and shading, so that a
picture which never saw a training image may seem to copy one. Here only local
contrast counts, and how near the real FFA of the same eye comes to a training
image is taken off: what is left is 0 for the real FFA itself. A copy may lie
mirrored, turned or a little moved, as training images do.
"""

import itertools

import cv2
import numpy as np

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric

_SIDE = 128
# Copies are looked for in images of half that side, by every way they may be
# turned and mirrored and moved; the likeliest are then compared in full.
_COARSE = _SIDE // 2
_WAYS = [*itertools.product(range(4), (1, -1), *(range(-2, 3),) * 2)]
_LIKELY = 8
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
        flat images: `training_similarity` with the nearest training FFA, of
        all mirrored and turned ways and moves up to 3 % of the frame, and
        `copied`, by how much that exceeds the same figure of the real FFA.
        """
        coarse = np.stack([_coarse(one) for one in self._signatures])

        def nearest(image: np.ndarray) -> float:
            own = _signature(image)
            small = _coarse(own).reshape(_COARSE, _COARSE)
            views = [_laid(small, way, 1).ravel() for way in _WAYS]
            likeness = coarse @ np.stack(views, axis=1)
            likely = np.argpartition(likeness.ravel(), -_LIKELY)[-_LIKELY:]
            pairs = zip(*np.unravel_index(likely, likeness.shape), strict=True)
            return max(
                float((self._signatures[n] * _laid(own, _WAYS[way], 2)).sum())
                for n, way in pairs
            )

        def prepare(eye: Eye) -> Compare:
            own = nearest(eye.real)

            def compare(prediction: np.ndarray) -> dict[str, float]:
                found = nearest(prediction)
                return {"training_similarity": found, "copied": found - own}

            return compare

        return Measure("copies", _METRICS, prepare)


def _coarse(signature: np.ndarray) -> np.ndarray:
    """Return a signature of half the side, float32 [4096], of norm 1 or 0."""
    small = cv2.resize(
        signature, (_COARSE, _COARSE), interpolation=cv2.INTER_AREA
    ).ravel()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def _laid(image: np.ndarray, way: tuple[int, ...], pixels: int) -> np.ndarray:
    """Return a square image turned, mirrored and moved, [H, W].

    Args:
        image: [H, W].
        way: quarters to turn it by; -1 mirrors; moves down and to the right.
        pixels: that a move of 1 is.
    """
    quarters, mirror, *move = way
    turned = np.rot90(image, quarters)[:, ::mirror]
    return np.roll(turned, [pixels * one for one in move], (0, 1))


def _signature(image: np.ndarray) -> np.ndarray:
    """Return local contrast of mean 0 and norm 1, float32 [128, 128]."""
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
    return contrast / norm if norm > 1e-6 else contrast
