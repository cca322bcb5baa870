"""Whether a picture looks like a colour fundus photograph.

A generator answers anything, a cat as well, with a convincing angiogram. Four
figures tell what is unlike all fundus photographs it was compared with; the
score is the distance to the most similar of them. `python -m
benchmarks.plausibility` makes the references and the error rates.
"""

import dataclasses

import cv2
import numpy as np

from ffa_keras.images.files import field_of_view
from ffa_keras.registration.curvature import curvatures, hessian

# Above, a picture is suspicious: the largest distance of a real photograph of
# the references from those of other eyes.
USUAL_SCORE = 1.4
# Of what holds no retina at all; nothing scores more.
LARGEST_SCORE = 10.0

_SIDE = 384
_MARGIN = 12
_LEAST_FIELD = 0.05
LEAST_SATURATION = 0.1
_LINE_SIGMA = 1.5

_TINY = 1e-6

# What less and more of each figure looks like.
_WORDS = (
    ("less red than in a retina", "more red than in a retina"),
    ("less blue than in a retina", "more blue than in a retina"),
    (
        "thin lines are not as dark as vessels",
        "thin lines are darker than vessels",
    ),
    ("no thin lines stand out as vessels do", "few lines stand out, too clear"),
)
# Figures of real photographs, each measured by `measure`, and the standard
# deviation of each figure over them, ultra-widefield left out.
REFERENCES = (
    (0.518, 0.170, 0.645, 0.895),
    (0.582, 0.147, 0.678, 0.883),
    (0.605, 0.114, 0.667, 0.832),
    (0.572, 0.158, 0.676, 1.041),
    (0.618, 0.133, 0.668, 0.934),
    (0.445, 0.260, 0.662, 0.809),
    (0.405, 0.290, 0.637, 0.772),
    (0.488, 0.191, 0.637, 0.889),
    (0.484, 0.191, 0.600, 0.876),
    (0.541, 0.155, 0.648, 0.774),
    (0.525, 0.043, 0.544, 1.076),
    (0.526, 0.042, 0.530, 0.869),
)
SPREADS = (0.067, 0.053, 0.022, 0.076)


@dataclasses.dataclass(frozen=True)
class Plausibility:
    """How far a picture is from real fundus photographs.

    Attributes:
        score: distance to the most similar of the references in standard
            deviations, root mean square over the figures; at most
            `LARGEST_SCORE`.
        reason: what differs most, in words.
    """

    score: float
    reason: str

    @property
    def suspicious(self) -> bool:
        """Whether a user should be warned."""
        return self.score > USUAL_SCORE


def judge(fundus: np.ndarray) -> Plausibility:
    """Compare a picture with real fundus photographs.

    Args:
        fundus: uint8 [H, W, 3], RGB.
    """
    measured = measure(fundus)
    if measured is None:
        return Plausibility(LARGEST_SCORE, "no retina: dark or without detail")
    *figures, saturation = measured
    differences = (np.array(figures) - REFERENCES) / SPREADS
    distances = np.sqrt(np.mean(differences**2, axis=1))
    nearest = int(np.argmin(distances))
    score = min(float(distances[nearest]), LARGEST_SCORE)
    worst = int(np.argmax(np.abs(differences[nearest])))
    less, more = _WORDS[worst]
    reason = more if differences[nearest, worst] > 0 else less
    if saturation < LEAST_SATURATION:
        score = max(score, 2 * USUAL_SCORE)
        reason = "no colour, as in a red-free photograph or an angiogram"
    return Plausibility(score, reason)


def measure(fundus: np.ndarray) -> np.ndarray | None:
    """Return the figures of a picture, `None` if it holds no retina.

    Args:
        fundus: uint8 [H, W, 3], RGB.

    Returns:
        float64 [5]: the shares of red and of blue in the light; of the thin
        lines in the green channel the share of the dark ones in the energy,
        and the logarithm of how far the clear ones stand out; saturation,
        which is not part of the distance.
    """
    picture = _shrunk(fundus)
    field = _inner_field(picture)
    if field.mean() < _LEAST_FIELD:
        return None
    pixels = picture[field].astype(np.float64)
    light = pixels.mean(axis=0)
    dark, bright = (lines[field] for lines in _thin_lines(picture[..., 1]))
    energies = np.sum(dark**2), np.sum(bright**2)
    largest = pixels.max(axis=1)
    saturation = (largest - pixels.min(axis=1)) / np.maximum(largest, 1)
    return np.array(
        [
            light[0] / (light.sum() + _TINY),
            light[2] / (light.sum() + _TINY),
            energies[0] / (sum(energies) + _TINY),
            np.log((dark.std() + _TINY) / (dark.mean() + _TINY)),
            saturation.mean(),
        ]
    )


def _shrunk(fundus: np.ndarray) -> np.ndarray:
    """Return the picture with a longer side of 384 pixels."""
    height, width = fundus.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(fundus, size, interpolation=method)


def _inner_field(picture: np.ndarray) -> np.ndarray:
    """Return the field of view without its rim, bool [H, W]."""
    field = cv2.copyMakeBorder(
        field_of_view(picture).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT
    )
    depth = cv2.distanceTransform(field, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return depth > _MARGIN


def _thin_lines(green: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the strengths of dark and of bright lines, float32 [H, W].

    By how much the curvature across a line exceeds that along it.
    """
    least, most = curvatures(*hessian(green.astype(np.float32), _LINE_SIGMA))
    dark = np.clip(most + least, 0, most - least)
    bright = np.clip(-most - least, 0, most - least)
    return dark, bright
