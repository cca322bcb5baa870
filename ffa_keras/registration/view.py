"""An image prepared for registration: bounded size, retina, vessels."""

import dataclasses
import functools

import numpy as np

from ffa_keras.registration import vessels
from ffa_keras.registration.keypoints import detect
from ffa_keras.registration.retina import field_of_view

# The longer side at which the windows below have the size they were made for.
_LONG_SIDES = (480, 800)
_LIKE_SIZES = 1.3
_KEYPOINT_MARGIN = 15
_INNER_MARGIN = 10


@dataclasses.dataclass(frozen=True)
class View:
    """One image of a pair at working size; everything is made when asked for.

    Attributes:
        grey: float32 [H, W], grey levels.
        scale: working size over native size.
        polarity: +1 if vessels are bright, -1 if dark, 0 to find out.
    """

    grey: np.ndarray
    scale: float
    polarity: int

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

    def keypoints(self, image: np.ndarray) -> np.ndarray:
        """Detect points of an image of this view off its rim, xy [N, 2]."""
        return detect(image, vessels.eroded(self.mask, _KEYPOINT_MARGIN))


def make_views(ffa: np.ndarray, fundus: np.ndarray) -> tuple[View, View]:
    """Prepare a pair: scaled alike if of like size, else to one size.

    Args:
        ffa: [H, W], [H, W, 1] or [H, W, 3].
        fundus: [H', W'], [H', W', 1] or [H', W', 3].

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
        View(vessels.grey_levels(ffa, scales[0]), scales[0], 0),
        View(vessels.grey_levels(fundus, scales[1]), scales[1], -1),
    )
