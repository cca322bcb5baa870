"""Where the retina is in a frame, and whether its outline is a circle."""

import cv2
import numpy as np

# Surrounds of the retina are darker than this, unless they are painted.
_DARK = 24
_PAINTED_SPREAD = 4
# The outline off the border of the frame: least share of a whole circle, and
# most distance from it in radii.
_ARC = 0.4
_OFF_CIRCLE = 0.03
# Most ratio of the sides of a pixel, squared.
_OBLONG = 1.25


def field_of_view(image: np.ndarray) -> np.ndarray:
    """Find the retina against the surround that the camera leaves.

    The surround shows in the corners: dark, or painted in one grey. The retina
    is the largest region clearly brighter, without its holes. Where no
    corner shows a surround, the whole frame is retina.

    Args:
        image: array [H, W, C] or [H, W] of grey levels 0-255.

    Returns:
        bool array [H, W]; nowhere true in a dark frame without content.
    """
    level = image.max(-1) if image.ndim == 3 else image
    if level.dtype != np.uint8:
        level = np.rint(level).astype(np.uint8)
    level = cv2.medianBlur(np.ascontiguousarray(level), 5)
    surround = _surround_level(level)
    if surround is None:
        return np.ones(level.shape, bool)
    brighter = level[level > surround + 6]
    if not brighter.size:
        return np.zeros(level.shape, bool)
    step = max(10.0, 0.15 * (float(np.median(brighter)) - surround))
    return _largest_region(level > surround + step)


def is_circular(mask: np.ndarray) -> bool:
    """Say whether a field of view is a disc, or a disc cut by the frame.

    Args:
        mask: bool [H, W], as `field_of_view` finds it.

    Returns:
        Whether the outline, where it is not the border of the frame, follows
        two fifths of a circle or more; pixels may be somewhat oblong.
    """
    outlines, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    if not outlines:
        return False
    xy = np.concatenate(outlines)[:, 0].astype(np.float64)
    last = np.array(mask.shape[::-1]) - 1
    border = max(2, min(mask.shape) // 50)
    xy = xy[((xy > border) & (xy < last - border)).all(1)]
    if len(xy) < 8:
        return False
    # x² + a y² = b x + c y + d, since video frames have oblong pixels.
    design = np.column_stack([-(xy[:, 1] ** 2), xy, np.ones(len(xy))])
    (a, b, c, d), *_ = np.linalg.lstsq(design, xy[:, 0] ** 2, rcond=None)
    if not 1 / _OBLONG < a < _OBLONG:
        return False
    off = (xy - [b / 2, c / (2 * a)]) * [1, np.sqrt(a)]
    radius = np.sqrt(max(d + b**2 / 4 + c**2 / (4 * a), 1e-9))
    distance = np.abs(np.linalg.norm(off, axis=1) - radius) / radius
    turns = np.floor(np.arctan2(off[:, 1], off[:, 0]) * 36 / np.pi)
    arc = len(np.unique(turns)) / 72
    return bool(arc >= _ARC and np.quantile(distance, 0.9) <= _OFF_CIRCLE)


def _surround_level(level: np.ndarray) -> int | None:
    """Return the grey level of the surround, `None` if there is none."""
    side = max(3, min(level.shape) // 40)
    corners = [
        level[rows, columns]
        for rows in (slice(side), slice(-side, None))
        for columns in (slice(side), slice(-side, None))
    ]
    # The second darkest: burnt-in text or retina may fill other corners.
    second = sorted(int(np.median(corner)) for corner in corners)[1]
    spread = int(np.max(corners)) - int(np.min(corners))
    return second if second <= _DARK or spread <= _PAINTED_SPREAD else None


def _largest_region(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected region of a mask, its holes filled."""
    tool = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, tool)
    outlines, _ = cv2.findContours(
        mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    largest = max(outlines, key=cv2.contourArea, default=None)
    region = np.zeros_like(mask)
    if largest is not None:
        cv2.drawContours(region, [largest], -1, 1, cv2.FILLED)
    return region.astype(bool)
