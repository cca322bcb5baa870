"""Whether a map of uncertainty tells where an answer is wrong."""

from collections.abc import Iterator

import cv2
import numpy as np
from scipy.stats import spearmanr

from ffa_keras.evaluation.intervals import answer_of
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.exposure import fit_exposure

_SHARES = (0.9, 0.7, 0.5, 0.3)
COLUMNS = (
    "rank correlation",
    "exposure fitted",
    *(f"{s:.0%}" for s in _SHARES),
)


def risks(
    eye: Eye, answer: np.ndarray, maps: dict[str, np.ndarray]
) -> Iterator[tuple[str, list[float]]]:
    """Judge maps of one answer, and beside them its edges and its error.

    Args:
        eye: that the answer is for.
        answer: uint8 [H, W, 1].
        maps: float [H, W, 1] or [H, W] each, by name: high where unsure.

    Yields:
        Name and figures of each: the rank correlation with the absolute error,
        plain and after the exposure has been fitted, and the mean error of the
        surest pixels as a share of that of all (risk at 90, 70, 50 and 30 %
        coverage).
    """
    fitted = np.abs(fit_exposure(eye.real, answer, eye.mask) - eye.real)
    errors = answer_of(eye, answer).error, fitted[eye.mask]
    slopes = (
        cv2.Sobel(answer[..., 0], cv2.CV_32F, *order)
        for order in ((1, 0), (0, 1))
    )
    inside = eye.mask[..., 0]
    every = {
        **{name: map_.reshape(inside.shape) for name, map_ in maps.items()},
        "edges of the answer": cv2.magnitude(*slopes),
    }
    flat = {name: map_[inside] for name, map_ in every.items()}
    for name, map_ in (flat | {"the error itself": errors[0]}).items():
        surest = errors[0][np.argsort(map_, kind="stable")]
        ranks = [spearmanr(map_, error).statistic for error in errors]
        shares = [
            surest[: round(share * len(surest))].mean() / surest.mean()
            for share in _SHARES
        ]
        yield name, [*ranks, *shares]
