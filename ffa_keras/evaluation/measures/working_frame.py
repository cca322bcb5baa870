"""A frame at the size that its field of view asks for, whatever its pixels.

What is sought in an angiogram (a leak, a vessel, the disc) has a size relative
to the eye, not to the sensor. All frames are brought to a field of view of the
same diameter before anything is measured.
"""

import dataclasses

import cv2
import numpy as np

from ffa_keras.evaluation.measures.remembering import remembered

_PAD = 24
# A field of fewer pixels across than this holds nothing that can be judged.
_LEAST_DIAMETER = 16
# Nor does one of less than this share of the frame's longer side.
_LEAST_SHARE = 0.15
_COARSE = 5
_LEVELS = 48


@dataclasses.dataclass(frozen=True)
class WorkingFrame:
    """An image whose field of view has a set diameter.

    Attributes:
        image: float32 [h, w], grey levels; outside the field, the level near.
        inside: bool [h, w], the field without its rim.
        shape: (H, W) of the image as it came.
        size: (h, w) without the padding, that is of the whole image resized.
    """

    image: np.ndarray
    inside: np.ndarray
    shape: tuple[int, int]
    size: tuple[int, int]

    def to_native(self, labels: np.ndarray) -> np.ndarray:
        """Bring labels of this frame, uint8 [h, w], to [H, W] of the image."""
        return cv2.resize(
            labels[_PAD:-_PAD, _PAD:-_PAD],
            self.shape[::-1],
            interpolation=cv2.INTER_NEAREST,
        )

    def native_points(self, points: np.ndarray) -> np.ndarray:
        """Bring points of this frame, xy [N, 2], to pixels of the image."""
        ratio = np.array(self.shape[::-1]) / np.array(self.size[::-1])
        return (points - _PAD + 0.5) * ratio - 0.5


def working_frame(
    ffa: np.ndarray,
    inside: np.ndarray,
    diameter: int,
    rim: int,
    enlarge_by: int = cv2.INTER_LINEAR,
) -> WorkingFrame | None:
    """Scale an image so that its field of view has a set diameter.

    Args:
        ffa: uint8 [H, W] or [H, W, 1].
        inside: bool [H, W], the field of view.
        diameter: of a disc as large as the field, working pixels.
        rim: margin of the field that is left out, working pixels.
        enlarge_by: OpenCV's interpolation of images that are smaller; between
            the pixels of a linear one curvatures are none.

    Returns:
        The frame; `None` if the field is empty or too small to be judged, or
        the image is flat.
    """
    shape = (ffa.shape[0], ffa.shape[1])
    grey = ffa.reshape(shape).astype(np.float32)
    native = 2 * np.sqrt(inside.sum() / np.pi)
    if native < max(_LEAST_DIAMETER, _LEAST_SHARE * max(shape)):
        return None
    if not np.ptp(grey[inside]):
        return None
    scale = diameter / native
    height, width = (max(1, round(side * scale)) for side in shape)
    method = cv2.INTER_AREA if scale < 1 else enlarge_by
    image = cv2.resize(grey, (width, height), interpolation=method)
    image = np.pad(image, _PAD)
    field = _field(inside, (width, height), rim)
    if not field.any():
        return None
    spread = blurred_inside(image, field, 12)
    return WorkingFrame(
        np.where(field, image, spread), field, shape, (height, width)
    )


@remembered(12)
def _field(inside: np.ndarray, size: tuple[int, int], rim: int) -> np.ndarray:
    """Return the field in another size, padded and without its rim."""
    cover = cv2.resize(
        inside.astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    whole = (np.pad(cover, _PAD) > 0.99).astype(np.uint8)
    return cv2.erode(whole, ellipse(2 * rim + 1)) > 0


def ellipse(side: int) -> np.ndarray:
    """Return a disc-shaped structuring element, uint8 [side, side]."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))


def blurred_inside(
    image: np.ndarray, inside: np.ndarray, sigma: float
) -> np.ndarray:
    """Blur an image by what lies inside a mask only.

    Args:
        image: float32 [h, w].
        inside: bool [h, w].
        sigma: of the Gaussian, pixels.

    Returns:
        float32 [h, w]; towards 0 far outside.
    """
    level = cv2.GaussianBlur(image * inside, (0, 0), sigma)
    return level / _known_nearby(inside, sigma)


@remembered(12)
def _known_nearby(inside: np.ndarray, sigma: float) -> np.ndarray:
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), sigma)
    return np.maximum(weight, 1e-3)


def local_quantile(
    image: np.ndarray, inside: np.ndarray, radius: int, share: float
) -> np.ndarray:
    """Return a quantile of the image in discs, known inside a mask only.

    Computed on a coarse grid, by counting in each disc what lies below each of
    48 levels.

    Args:
        image: float32 [h, w].
        inside: bool [h, w].
        radius: of the discs, pixels.
        share: of the quantile, 0 to 1.

    Returns:
        float32 [h, w], smooth, also outside the mask.
    """
    size = (image.shape[1] // _COARSE, image.shape[0] // _COARSE)
    known = _reduced(inside.astype(np.float32), size) > 0.99
    coarse = _reduced(np.where(inside, image, 0), size)
    if not known.any():
        return np.full_like(image, np.median(image[inside]))
    reach = round(radius / _COARSE)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = (x**2 + y**2 <= reach**2).astype(np.float32)
    count = summed(known, disc)
    levels = np.quantile(coarse[known], np.linspace(0, 1, _LEVELS))
    below = np.stack([summed(known & (coarse <= v), disc) for v in levels])
    below /= np.maximum(count, 1)
    upper = np.maximum(np.argmax(below >= share, axis=0), 1)
    low, high = (
        np.take_along_axis(below, index[None], 0)[0]
        for index in (upper - 1, upper)
    )
    step = np.clip((share - low) / np.maximum(high - low, 1e-6), 0, 1)
    found = levels[upper - 1] + step * (levels[upper] - levels[upper - 1])
    enough = count > 0.05 * disc.sum()
    if enough.any():
        found = np.where(enough, found, np.median(found[enough]))
    smooth = cv2.GaussianBlur(found.astype(np.float32), (0, 0), 2)
    return cv2.resize(smooth, image.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _reduced(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def summed(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return sums by the weights of a kernel, float32 [h, w]; 0 beyond."""
    return cv2.filter2D(
        image.astype(np.float32), -1, kernel, borderType=cv2.BORDER_CONSTANT
    )
