"""Vessels by local contrast, found again within a few pixels.

A threshold on grey levels measures exposure, and what registration leaves
(2 to 4 pixels by landmarks) costs every prediction as much as a missing
vessel would. Here contrast is relative to the surroundings, each image has its
own threshold, and small local shifts are searched for: by the same rule for
every prediction, the classical ones included.
"""

import dataclasses

import cv2
import numpy as np
from skimage.filters import threshold_otsu
from skimage.morphology import skeletonize

from ffa_keras.evaluation.measures.base import Compare, Eye, Measure, Metric
from ffa_keras.evaluation.measures.overlap import (
    centre_line_dice,
    dice,
    roc_area,
)
from ffa_keras.evaluation.measures.remembering import remembered
from ffa_keras.evaluation.measures.working_frame import (
    blurred_inside,
    working_frame,
)
from ffa_keras.registration.curvature import curvatures, hessian

# Diameter of the field of view, pixels; what follows is in these pixels.
DIAMETER = 560
SEARCH = 3
_RIM = 8
_SIGMAS = (1.5, 2.5, 3.5)
_SURROUND_SIGMA = 20
_FLOOR = 0.3
_WINDOW_SIGMA = 16
_COARSE = 4
_BETTER = np.float32(1.05)
# Of 560 pixels across the field, whatever the frame's own: 0.5 % of it.
_SECTION = "Vessels, by local contrast, within 0.5 % of the field"
_METRICS = (
    Metric("vessel_dice", "vessel Dice", 3, 1, _SECTION),
    Metric("vessel_cldice", "vessel clDice", 3, 1, _SECTION, True),
    Metric("vessel_auc", "vessel AUC", 3, 1, _SECTION),
)


@dataclasses.dataclass(frozen=True)
class VesselMap:
    """The vessel-like ridges of a frame.

    Attributes:
        ridges: float32 [h, w], 0 outside the field.
        inside: bool [h, w], the field without its rim.
        vessels: bool [h, w], where the ridges exceed Otsu's threshold.
    """

    ridges: np.ndarray
    inside: np.ndarray
    vessels: np.ndarray


@remembered(24)
def vessel_map(ffa: np.ndarray, inside: np.ndarray) -> VesselMap | None:
    """Find bright vessels by their contrast to the surroundings.

    Args:
        ffa: uint8 [H, W, 1] or [H, W].
        inside: bool [H, W], the field of view.

    Returns:
        The map, of a field of 560 pixels in diameter; `None` for a field too
        small to be judged or without any ridge.
    """
    frame = working_frame(ffa, inside, DIAMETER, _RIM)
    if frame is None:
        return None
    field = frame.inside
    around = blurred_inside(frame.image, field, _SURROUND_SIGMA)
    level = max(float(np.median(frame.image[field])), 1e-6)
    relative = frame.image / np.maximum(around, _FLOOR * level)
    ridges = np.zeros_like(relative)
    for sigma in _SIGMAS:
        least, _ = curvatures(*hessian(relative, sigma))
        np.maximum(ridges, -least * np.float32(sigma**2), out=ridges)
    ridges[~field] = 0
    values = ridges[field]
    if np.ptp(values) < 1e-4:
        return None
    return VesselMap(ridges, field, ridges > threshold_otsu(values))


def aligned_ridges(real: VesselMap, fake: VesselMap) -> np.ndarray:
    """Shift the ridges of a prediction locally onto those of the real image.

    At each place the shift of at most 3 pixels that makes the ridges agree
    most within a Gaussian window of 16 pixels.

    Args:
        real: of the real image.
        fake: of the prediction, in the same frame.

    Returns:
        float32 [h, w], the ridges of the prediction, shifted.
    """
    size = tuple(side // _COARSE for side in real.ridges.shape[::-1])
    best = np.zeros(size[::-1], np.float32)
    choice = np.zeros(size[::-1], np.uint8)
    shifts = sorted(
        (
            (dx, dy)
            for dx in range(-SEARCH, SEARCH + 1)
            for dy in range(-SEARCH, SEARCH + 1)
            if dx**2 + dy**2 <= SEARCH**2
        ),
        key=lambda shift: shift[0] ** 2 + shift[1] ** 2,
    )
    height, width = real.ridges.shape
    # Ridges end before the margin of the frame.
    wider = np.pad(fake.ridges, SEARCH)
    for number, (dx, dy) in enumerate(shifts):
        moved = wider[SEARCH - dy :, SEARCH - dx :][:height, :width]
        product = cv2.resize(
            moved * real.ridges, size, interpolation=cv2.INTER_AREA
        )
        score = cv2.GaussianBlur(product, (0, 0), _WINDOW_SIGMA / _COARSE)
        # Shorter shifts come first and are kept unless others are better.
        better = score > best * _BETTER
        choice[better] = number
        best[better] = score[better]
    fine = cv2.resize(choice, (width, height), interpolation=cv2.INTER_NEAREST)
    dx, dy = np.array(shifts)[fine].transpose(2, 0, 1)
    rows, columns = np.ogrid[:height, :width]
    return wider[rows - dy + SEARCH, columns - dx + SEARCH]


def compare_vessels(eye: Eye) -> Compare:
    """Find the vessels of an eye's FFA, to compare a prediction's with them.

    Args:
        eye: its `real` and `mask` are used.

    Returns:
        From a prediction, uint8 [H, W, 1], to `vessel_dice`, `vessel_cldice`
        (Shit 2021, on centre lines) and `vessel_auc`, the area under the ROC
        curve of the predicted ridges against the real vessels, all after
        `aligned_ridges`; NaN where the real image has no vessels. A prediction
        without any has 0, 0 and 0.5.
    """
    inside = eye.mask[..., 0]
    real = vessel_map(eye.real, inside)
    if real is None:
        missing = {metric.name: float("nan") for metric in _METRICS}
        return lambda prediction: missing
    line = skeletonize(real.vessels)
    nothing = {"vessel_dice": 0.0, "vessel_cldice": 0.0, "vessel_auc": 0.5}

    def compare(prediction: np.ndarray) -> dict[str, float]:
        fake = vessel_map(prediction, inside)
        if fake is None:
            return nothing
        ridges = aligned_ridges(real, fake)
        threshold = fake.ridges[fake.vessels].min()
        vessels = (ridges >= threshold) & real.inside
        return {
            "vessel_dice": dice(real.vessels, vessels),
            "vessel_cldice": centre_line_dice(real.vessels, vessels, line),
            "vessel_auc": roc_area(
                real.vessels[real.inside], ridges[real.inside]
            ),
        }

    return compare


VESSELS = Measure("vessels", _METRICS, compare_vessels)
