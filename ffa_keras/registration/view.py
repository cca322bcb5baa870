"""An image prepared for registration: bounded size, retina, vessels."""

import dataclasses
import functools
import math

import cv2
import numpy as np

from ffa_keras.registration import vessels
from ffa_keras.registration.descriptors import describe
from ffa_keras.registration.keypoints import detect
from ffa_keras.registration.retina import field_of_view

# The longer side at which the windows below have the size they were made for.
_LONG_SIDES = (480, 800)
_LIKE_SIZES = 1.3
_KEYPOINT_MARGIN = 15
_INNER_MARGIN = 10
_HALF_WIDTH = 36
# How much larger the retina may be in one image than in the other.
ZOOM_RANGE = (0.4, 2.5)
# Zoom that needs no other relative size: pixels that are not square stretch one
# side more, and the verdict refuses what is beyond its limits of stretch.
ALIKE = (0.8, 1.25)


@dataclasses.dataclass(frozen=True)
class View:
    """One image of a pair at working size; everything is made when asked for.

    Attributes:
        image: [H', W'], [H', W', 1] or [H', W', 3], native size.
        scale: working size over native size.
        polarity: +1 if vessels are bright, -1 if dark, 0 to find out.
    """

    image: np.ndarray
    scale: float
    polarity: int

    def resized(self, factor: float) -> "View":
        """Return the same image at a multiple of the working size."""
        return View(self.image, self.scale * factor, self.polarity)

    @functools.cached_property
    def grey(self) -> np.ndarray:
        """The grey levels, float32 [H, W]."""
        return vessels.grey_levels(self.image, self.scale)

    @functools.cached_property
    def mask(self) -> np.ndarray:
        """The retina, bool [H, W]."""
        return field_of_view(self.grey)

    @functools.cached_property
    def inner(self) -> np.ndarray:
        """The retina where the vessel map is known, bool [H, W]."""
        return vessels.eroded(self.mask, _INNER_MARGIN)

    @functools.cached_property
    def vessels(self) -> np.ndarray:
        """The vessel map, float32 [H, W] in [0, 1]."""
        polarity = self.polarity or vessels.vessel_polarity(
            self.grey, self.mask
        )
        return vessels.vessel_map(self.grey, self.mask, polarity)

    @functools.cached_property
    def vessel_points(self) -> np.ndarray:
        """The keypoints of the vessel map, xy [N, 2]."""
        return self.keypoints(255 * self.vessels)

    @functools.cached_property
    def upright(self) -> np.ndarray:
        """The keypoints described as they stand, float32 [N, 128]."""
        return self.described(0, 1)

    def described(self, turn: float, scale: float) -> np.ndarray:
        """Describe the keypoints of the vessel map, float32 [N, 128].

        Args:
            turn: of the windows, radians.
            scale: of the windows.
        """
        return describe(
            255 * self.vessels, self.vessel_points, turn, scale * _HALF_WIDTH
        )

    @functools.cached_property
    def rootsift(self) -> tuple[np.ndarray, np.ndarray]:
        """RootSIFT of the vessel map: xy [N, 2], unit descriptors [N, 128]."""
        sift = cv2.SIFT.create(nfeatures=2000, contrastThreshold=0.01)
        points, histograms = sift.detectAndCompute(
            (255 * self.vessels).astype(np.uint8), None
        )
        if histograms is None:
            return np.zeros((0, 2)), np.zeros((0, 128), np.float32)
        total = np.maximum(histograms.sum(1, keepdims=True), 1e-9)
        xy = np.array([point.pt for point in points])
        return xy, np.sqrt(histograms / total)

    def keypoints(self, image: np.ndarray) -> np.ndarray:
        """Detect points of an image of this view off its rim, xy [N, 2]."""
        return detect(image, vessels.eroded(self.mask, _KEYPOINT_MARGIN))


def make_views(
    ffa: np.ndarray, fundus: np.ndarray, polarity: int = -1
) -> tuple[View, View]:
    """Prepare a pair: scaled alike if of like size, else to one size.

    Args:
        ffa: [H, W], [H, W, 1] or [H, W, 3].
        fundus: [H', W'], [H', W', 1] or [H', W', 3].
        polarity: of the vessels of the fundus.

    Returns:
        The views of the FFA and of the fundus.
    """
    sides = [max(image.shape[:2]) for image in (ffa, fundus)]
    if max(sides) <= _LIKE_SIZES * min(sides):
        sides = [max(sides)] * 2
    working_side = float(np.clip(min(sides), *_LONG_SIDES))
    scales = [working_side / side for side in sides]
    # The vessels of an early FFA may still be dark.
    return (
        View(ffa, scales[0], 0),
        View(fundus, scales[1], polarity),
    )


def zoomed(fixed: View, moving: View, zoom: float) -> tuple[View, View]:
    """Bring two views to sizes at which the retina has one scale.

    Args:
        fixed: the FFA.
        moving: the fundus.
        zoom: how much larger the retina is in `moving` than in `fixed`.
    """
    return fixed.resized(math.sqrt(zoom)), moving.resized(1 / math.sqrt(zoom))


def at_one_scale(
    fixed: View, moving: View, matrix: np.ndarray
) -> tuple[View, View]:
    """Bring two views to one scale of the retina, unless they nearly have it.

    Args:
        fixed: the FFA.
        moving: the fundus.
        matrix: 3x3, fundus xy → FFA xy, native pixels.
    """
    stretch = math.sqrt(abs(float(np.linalg.det(matrix[:2, :2]))))
    zoom = moving.scale / max(fixed.scale * stretch, 1e-9)
    if ALIKE[0] < zoom < ALIKE[1]:
        return fixed, moving
    return zoomed(fixed, moving, float(np.clip(zoom, *ZOOM_RANGE)))
