"""Broad regions that glow more than the retina around them.

Contrast is relative to the surroundings and sizes are relative to the field of
view, so that neither the exposure nor the number of pixels changes what is
found.
"""

import dataclasses

import cv2
import numpy as np

from ffa_keras.evaluation.measures.remembering import remembered
from ffa_keras.evaluation.measures.working_frame import (
    WorkingFrame,
    ellipse,
    local_quantile,
    working_frame,
)

# Diameter of the field of view, pixels; what follows is in these pixels.
_DIAMETER = 400
_RIM = 6
_NOISE_SIGMA = 1.5
_PIT = 5
# Openings by discs of these sides remove vessels: a region begins where the
# wider one leaves contrast, and reaches as far as the narrower one does.
_SEED_SIDE = 17
_GROW_SIDE = 13
_REACH = 100
_RETINA_SHARE = 0.45
_FLOOR = 0.4
# Chosen on one half of the frames of benchmarks/leakage_frames.csv.
_LEAST_CONTRAST = 0.3
_LEAST_SPREADS = 2.85
_HALF_PEAK = 0.5
_LEAST_AREA = 0.0015
# A leak is a plateau. Where thick vessels meet, what an opening leaves is a
# fraction of what it takes away.
_THIN = 0.35
_PLANE_STEPS = 12


@dataclasses.dataclass(frozen=True)
class BroadLeaks:
    """Regions of an image.

    Attributes:
        labels: uint8 [H, W], the number of the region, 0 outside of all.
        contrast: float64 [N], how far region 1, 2 ... rises over the retina
            around it, as a share of that; the strongest first.
    """

    labels: np.ndarray
    contrast: np.ndarray


@remembered(24)
def broad_leaks(ffa: np.ndarray, inside: np.ndarray) -> BroadLeaks:
    """Find the broad regions of an angiogram that glow.

    The light's slope is taken out; an opening removes the vessels; what is
    left is compared with the 45th percentile of the retina within a quarter of
    the field. Regions begin above a contrast of 0.3 and of 2.85 robust
    standard deviations, reach down to half of their peak, and cover 0.15 % of
    the field at least. A glowing disc is one of them.

    Args:
        ffa: uint8 [H, W, 1] or [H, W].
        inside: bool [H, W], the field of view.

    Returns:
        The regions; none in a field too small to be judged.
    """
    frame = working_frame(ffa, inside, _DIAMETER, _RIM)
    if frame is None:
        return BroadLeaks(np.zeros(inside.shape, np.uint8), np.zeros(0))
    begin, reach, image = _contrasts(frame)
    regions, peaks = _grown(begin, reach, image, frame.inside)
    return BroadLeaks(frame.to_native(regions), np.array(peaks))


def _contrasts(frame: WorkingFrame) -> tuple[np.ndarray, ...]:
    """Return (I - B) / B of both openings and of the image, float32 [h, w]."""
    field = frame.inside
    light = _light(frame.image, field)
    light = np.maximum(light, _FLOOR * np.median(light[field]))
    image = frame.image / light
    around = local_quantile(image, field, _REACH, _RETINA_SHARE)
    # No vessel that leaves the field must be continued beyond it.
    image = np.where(field, image, around)
    image = cv2.GaussianBlur(image, (0, 0), _NOISE_SIGMA)
    level = max(float(np.median(image[field])), 1e-6)
    around = np.maximum(around, _FLOOR * level)
    even = cv2.medianBlur(image, _PIT)
    begin, reach = (
        cv2.morphologyEx(even, cv2.MORPH_OPEN, ellipse(side))
        for side in (_SEED_SIDE, _GROW_SIDE)
    )
    begin, reach, image = (x / around - 1 for x in (begin, reach, image))
    return begin, reach, image


def _light(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the slope of the light, a plane in the logarithm of the image.

    Fitted by weights that fall to 0 at 2.5 robust standard deviations on the
    bright side, so that leaks do not count, and later on the dark side.
    """
    height, width = image.shape
    y, x = np.mgrid[:height, :width] / np.float32(_DIAMETER / 2)
    plane = np.stack([np.ones_like(x), x, y], axis=-1)
    sample = np.zeros_like(inside)
    sample[::_PIT, ::_PIT] = inside[::_PIT, ::_PIT]
    if sample.sum() < 50:
        return np.ones_like(image)
    least = max(1e-3 * float(np.median(image[inside])), 1e-6)
    smooth = cv2.blur(image, (_PIT, _PIT))
    values = np.log(np.maximum(smooth[sample], least))
    terms = plane[sample].astype(np.float64)
    weights = np.ones(len(values))
    fit = np.zeros(3)
    for _ in range(_PLANE_STEPS):
        fit, *_ = np.linalg.lstsq(
            terms * weights[:, None], values * weights, rcond=None
        )
        rest = values - terms @ fit
        rest -= np.median(rest)
        spread = 2.5 * 1.4826 * np.median(np.abs(rest)) + 1e-6
        off = rest / spread
        bright = 1 - np.clip(off, 0, 1) ** 2
        dark = np.maximum(1 - (np.clip(off, -1.5, 0) / 1.6) ** 2, 0.05)
        weights = np.where(off > 0, bright, dark)
    return np.exp(plane @ fit - fit[0]).astype(np.float32)


def _grown(
    begin: np.ndarray, reach: np.ndarray, image: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, list[float]]:
    """Return the regions that grow from seeds, uint8 [h, w], and contrasts."""
    values = reach[inside]
    spread = 1.4826 * np.median(np.abs(values - np.median(values)))
    threshold = max(_LEAST_CONTRAST, _LEAST_SPREADS * float(spread))
    _, seeds = cv2.connectedComponents(
        ((begin > threshold) & inside).astype(np.uint8)
    )
    peaks = {
        number: float(np.percentile(reach[seeds == number], 90))
        for number in range(1, int(seeds.max()) + 1)
    }
    regions = np.zeros(inside.shape, np.uint8)
    found: list[float] = []
    for number in sorted(peaks, key=lambda key: -peaks[key]):
        seed, peak = seeds == number, peaks[number]
        if (regions[seed] > 0).any() or len(found) == 255:
            continue
        _, parts = cv2.connectedComponents(
            ((reach > _HALF_PEAK * peak) & inside).astype(np.uint8)
        )
        region = np.isin(parts, np.unique(parts[seed & (parts > 0)]))
        region &= parts > 0
        met = np.unique(regions[region])
        # The halo of a brighter region is no region of its own.
        halo = any(peak < _HALF_PEAK * found[i - 1] for i in met if i)
        region &= regions == 0
        if halo or region.sum() < _LEAST_AREA * inside.sum():
            continue
        if (image - reach)[region].mean() > _THIN * reach[region].mean():
            continue
        found.append(peak)
        regions[region] = len(found)
    return regions, found
