"""Leaks drawn into pictures: found, missed and invented."""

import cv2
import numpy as np

from ffa_keras.evaluation.measures.matching import Findings
from ffa_keras.images.pictures import to_rgb

FOUND, MISSED, INVENTED = (60, 220, 90), (80, 170, 255), (255, 70, 60)
LEGEND = (
    "Outlines: green what leaks in both, blue what the generated FFA misses,"
    " red what it invents. Circles are dots. The generated FFA is not outlined"
    " where the real one shows the same without its being a leak. Difference:"
    " white where the two are 128 grey levels apart or more. Saliency: red"
    " stands out from its surroundings, blue lies below them."
)
_RADIUS = 0.012


def draw_real(ffa: np.ndarray, found: Findings) -> np.ndarray:
    """Draw into a real FFA what of it was found and what was missed.

    Args:
        ffa: uint8 [H, W, 1].
        found: what a prediction shows of it.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    picture = to_rgb(ffa)
    missed = set(range(1, int(found.true.max()) + 1)) - found.met
    _outline(picture, found.true, missed, MISSED)
    _outline(picture, found.true, found.met, FOUND)
    _circles(picture, found.missed_dots, MISSED)
    return picture


def draw_generated(ffa: np.ndarray, found: Findings) -> np.ndarray:
    """Draw into a generated FFA what is true of it and what is invented.

    Args:
        ffa: uint8 [H, W, 1].
        found: what it shows of the truth.

    Returns:
        uint8 [H, W, 3], RGB.
    """
    picture = to_rgb(ffa)
    _outline(picture, found.labels, found.hits, FOUND)
    _outline(picture, found.labels, found.unknown, INVENTED)
    _circles(picture, found.dots[found.dots_hit], FOUND)
    _circles(picture, found.dots[found.dots_invented], INVENTED)
    return picture


def _outline(
    picture: np.ndarray,
    labels: np.ndarray,
    numbers: set[int],
    colour: tuple[int, int, int],
) -> None:
    area = np.isin(labels, [*numbers]).astype(np.uint8)
    outlines, _ = cv2.findContours(
        area, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(picture, outlines, -1, colour, _width(picture))


def _circles(
    picture: np.ndarray, dots: np.ndarray, colour: tuple[int, int, int]
) -> None:
    radius = max(3, round(_RADIUS * max(picture.shape)))
    for x, y, _ in dots:
        centre = (round(float(x)), round(float(y)))
        cv2.circle(
            picture, centre, radius, colour, _width(picture), cv2.LINE_AA
        )


def _width(picture: np.ndarray) -> int:
    return max(1, round(max(picture.shape) / 400))
