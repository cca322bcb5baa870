"""Bring the photograph of a pair onto its angiogram.

The angiogram is the target of training, so its pixels stay as they are and the
photograph is warped onto them. What lies outside a field of view is blackened
in both: cameras burn dates and names into it.
"""

import dataclasses
from collections.abc import Callable

import cv2
import numpy as np

from ffa_keras.images.files import field_of_view, read_ffa, read_fundus
from ffa_keras.preparation.entry import PairFiles
from ffa_keras.records.schema import IMAGES, LONE
from ffa_keras.registration.register import (
    RegistrationResult,
    judge_matrix,
    register_pair,
)
from ffa_keras.registration.retina import is_circular
from ffa_keras.registration.through import register_through
from ffa_keras.registration.transform import scaling, warp_to_ffa
from ffa_keras.translation.scale import field_diameter, resized, scaled

# Interpolation mixes the rim of a field of view with what lies outside.
_RIM_TOOL = np.ones((7, 7), np.uint8)
_MIN_OVERLAP = 0.05


@dataclasses.dataclass(frozen=True)
class Treatment:
    """What is done to every pair of a collection alike.

    Attributes:
        assume_aligned: whether pairs of which nothing says how they lie are
            aligned already; else they are registered.
        text_box: width and height of the burnt-in text at the top left of an
            angiogram, in shares of the frame; `None` if there is none.
        side: pixels to which square angiograms are scaled, or `None`.
        field_diameter: of the photograph's field of view, pixels, to which
            aligned pairs are scaled; 0 leaves them.
    """

    assume_aligned: bool = False
    text_box: tuple[float, float] | None = None
    side: int | None = None
    field_diameter: int = 0

    def way(self, given: str) -> str:
        """Return how a pair lies that the manifest says `given` of."""
        return given or ("aligned" if self.assume_aligned else "")


@dataclasses.dataclass(frozen=True)
class AlignedPair:
    """A pair in the frame of its angiogram.

    Attributes:
        fundus: uint8 [H, W, 3], RGB, black where the photograph ends, or
            everywhere if the angiogram stands alone.
        ffa: uint8 [H, W, 1], black outside its field of view, or everywhere.
        valid_mask: bool [H, W], inside the fields of view of both, or of the
            one that stands alone.
        circular: whether the photograph's field of view is a disc, or that of
            an angiogram that stands alone.
    """

    fundus: np.ndarray
    ffa: np.ndarray
    valid_mask: np.ndarray
    circular: bool


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a pair is fit for training, and why.

    Attributes:
        accepted: whether it is kept.
        how: "registered", or what the manifest gave.
        reason: why the pair is refused, or, of a given transform, why the
            vessels do not bear it out; else empty.
        figures: by name; no residual unless the pair was registered.
    """

    accepted: bool
    how: str
    reason: str
    figures: dict[str, float]

    @property
    def status(self) -> str:
        """`"kept"`, `"doubtful"`: kept as the manifest says, or `"refused"`."""
        if not self.accepted:
            return "refused"
        return "doubtful" if self.reason else "kept"


def align_files(
    files: PairFiles, treatment: Treatment | None = None
) -> tuple[AlignedPair, Verdict]:
    """Read a pair, align it and judge it.

    What the manifest gives wins over an estimate: it is used as it is, and the
    vessels only say whether they bear it out.

    Args:
        files: of the pair.
        treatment: of the collection.

    Returns:
        The pair at the size of its angiogram, or of the photograph that stands
        alone, or as the treatment has it, and the verdict; of a refused pair
        the images lie as well as could be found.

    Raises:
        InputError: a file cannot be read.
    """
    treatment = treatment or Treatment()
    images = {}
    if files.fundus:
        images["fundus"] = read_fundus(
            files.fundus, files.bits[0], files.frames[0]
        )
    if files.ffa:
        images["ffa"] = _without_text(
            read_ffa(files.ffa, files.bits[1], files.frames[1]), treatment
        )
    if len(images) == 1:
        return _alone(*images.popitem(), treatment)
    fundus, ffa = images.values()
    matrix = files.matrix
    given = treatment.way(files.given)
    if given == "aligned":
        matrix = np.eye(3)
    if treatment.side and matrix is not None:
        matrix = scaling(treatment.side / len(ffa)) @ matrix
    ffa = _squared(ffa, treatment)
    if matrix is not None:
        result = judge_matrix(fundus, ffa, matrix)
    elif files.early:
        early = _without_text(read_ffa(files.early, files.bits[1]), treatment)
        result = register_through(fundus, early, ffa)
    else:
        result = register_pair(fundus, ffa)
    pair = align_registered(fundus, ffa, result)
    verdict = _verdict(result, pair, given)
    pixel = float(np.sqrt(abs(np.linalg.det(result.matrix[:2, :2]))))
    return _at_field(pair, pixel * field_diameter(fundus), treatment), verdict


def _without_text(ffa: np.ndarray, treatment: Treatment) -> np.ndarray:
    """Blacken the burnt-in text of an angiogram, in place."""
    if treatment.text_box:
        width, height = treatment.text_box
        rows, columns = ffa.shape[:2]
        ffa[: round(height * rows), : round(width * columns)] = 0
    return ffa


def _alone(
    lone: str, image: np.ndarray, treatment: Treatment
) -> tuple[AlignedPair, Verdict]:
    """Return an image that stands alone, beside a black one."""
    if lone == "ffa":
        image = _squared(image, treatment)
    retina = field_of_view(image)
    mask = cv2.erode(retina.astype(np.uint8), _RIM_TOOL) > 0
    images = {
        name: np.zeros((*mask.shape, IMAGES[name]), np.uint8) for name in LONE
    } | {lone: _blackened(image, retina)}
    share = float(mask.mean())
    reason = ""
    if share < _MIN_OVERLAP:
        reason = f"the field of view is {share:.0%} of the frame"
    pair = AlignedPair(**images, valid_mask=mask, circular=is_circular(retina))
    verdict = Verdict(
        not reason, f"{LONE[lone]} alone", reason, {"overlap": share}
    )
    return _at_field(pair, field_diameter(image), treatment), verdict


def _at_field(
    pair: AlignedPair, found: float, treatment: Treatment
) -> AlignedPair:
    """Scale a pair whose field of view was found to be so many pixels wide."""
    if not (treatment.field_diameter and found):
        return pair
    fundus, ffa, mask = (
        scaled(image, treatment.field_diameter / found)
        for image in (
            pair.fundus,
            pair.ffa,
            pair.valid_mask[..., None].astype(np.uint8) * 255,
        )
    )
    return AlignedPair(fundus, ffa, mask[..., 0] == 255, pair.circular)


def align_images(
    fundus: np.ndarray, ffa: np.ndarray, matrix: np.ndarray
) -> AlignedPair:
    """Warp a photograph onto its angiogram and find where both are valid.

    Args:
        fundus: uint8 [H', W', 3].
        ffa: uint8 [H, W, 1].
        matrix: 3x3, fundus xy → FFA xy in pixels.

    Returns:
        The aligned pair, [H, W].
    """
    return _combined(
        fundus, ffa, lambda image: warp_to_ffa(image, matrix, ffa.shape[:2])
    )


def align_registered(
    fundus: np.ndarray, ffa: np.ndarray, result: RegistrationResult
) -> AlignedPair:
    """Warp a photograph as it was registered; else as `align_images`."""
    return _combined(fundus, ffa, result.warp)


def _combined(
    fundus: np.ndarray,
    ffa: np.ndarray,
    warp: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> AlignedPair:
    retina, theirs = field_of_view(fundus), field_of_view(ffa)
    layers = [_blackened(fundus, retina), retina.astype(np.uint8) * 255]
    warped, inside = warp(np.dstack(layers))
    both = (inside & (warped[..., 3] > 127) & theirs).astype(np.uint8)
    return AlignedPair(
        warped[..., :3],
        _blackened(ffa, theirs),
        cv2.erode(both, _RIM_TOOL) > 0,
        is_circular(retina),
    )


def _blackened(image: np.ndarray, retina: np.ndarray) -> np.ndarray:
    """Blacken what lies off the retina and its rim."""
    near = cv2.dilate(retina.astype(np.uint8), _RIM_TOOL) > 0
    return np.where(near[..., None], image, np.uint8(0))


def _verdict(
    result: RegistrationResult, pair: AlignedPair, given: str
) -> Verdict:
    quality = result.quality
    overlap = float(pair.valid_mask.mean())
    figures = {
        "overlap": overlap,
        "keypoints": quality.num_inliers,
        "correlation": quality.vessel_ncc,
        "vessels_in_place": quality.centreline_fraction,
        "blocks": quality.num_blocks,
    }
    if not given:
        figures["residual"] = result.rmse
    accepted, reason = result.accepted or bool(given), result.reason
    if accepted and overlap < _MIN_OVERLAP:
        accepted = False
        reason = f"the fields of view share {overlap:.0%} of the frame"
    return Verdict(accepted, given or "registered", reason, figures)


def _squared(ffa: np.ndarray, treatment: Treatment) -> np.ndarray:
    side = treatment.side
    return resized(ffa, (side, side))[..., None] if side else ffa
