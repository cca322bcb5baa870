"""Bring the photograph of a pair onto its angiogram.

The angiogram is the target of training, so its pixels stay as they are and the
photograph is warped onto them.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from ffa_keras.data.images import field_of_view, read_ffa, read_fundus
from ffa_keras.data.manifest import PairEntry
from ffa_keras.errors import InputError
from ffa_keras.registration.transform import warp_to_ffa

# Interpolation mixes the rim of a field of view with what lies outside.
_RIM = 3
_MIN_OVERLAP = 0.05
_SHOWN_PAIRS = 20


@dataclasses.dataclass(frozen=True)
class AlignedPair:
    """A pair in the frame of its angiogram.

    Attributes:
        fundus: uint8 [H, W, 3], RGB, black where the photograph ends.
        ffa: uint8 [H, W, 1].
        valid_mask: bool [H, W], inside both fields of view.
    """

    fundus: np.ndarray
    ffa: np.ndarray
    valid_mask: np.ndarray


def check_alignable(entries: Sequence[PairEntry], assume_aligned: bool) -> None:
    """Refuse pairs that nothing says how to align, all in one message.

    Args:
        entries: of the manifest.
        assume_aligned: whether pairs without a transform are aligned already.

    Raises:
        InputError: names the pairs with neither `affine` nor `landmarks`.
    """
    unknown = [entry.pair_id for entry in entries if entry.matrix is None]
    if unknown and not assume_aligned:
        more = len(unknown) - _SHOWN_PAIRS
        raise InputError(
            f"neither affine nor landmarks for {len(unknown)} of"
            f" {len(entries)} pairs: {', '.join(unknown[:_SHOWN_PAIRS])}"
            + (f" and {more} more" if more > 0 else "")
            + "; add one of these columns, or --assume_aligned if the images"
            " lie on each other already"
        )


def align_entry(entry: PairEntry, assume_aligned: bool = False) -> AlignedPair:
    """Read a pair and align it.

    The transform that the manifest gives is used; else, if `assume_aligned`,
    nothing is moved.

    Args:
        entry: of the manifest.
        assume_aligned: whether a pair without a transform is aligned already.

    Returns:
        The pair at the native size of its angiogram.

    Raises:
        InputError: a file cannot be read, nothing says how to align the pair,
            or it hardly overlaps once aligned.
    """
    fundus, ffa = read_fundus(entry.fundus), read_ffa(entry.ffa)
    matrix = _matrix(entry, fundus.shape, ffa.shape, assume_aligned)
    pair = align_images(fundus, ffa, matrix)
    overlap = pair.valid_mask.mean()
    if overlap < _MIN_OVERLAP:
        raise InputError(
            f"{entry.fundus}: shares {overlap:.0%} of the frame with"
            f" {entry.ffa}; check the alignment and both images"
        )
    return pair


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
    shape = ffa.shape[:2]
    retina = field_of_view(fundus).astype(np.uint8) * 255
    warped, inside = warp_to_ffa(np.dstack([fundus, retina]), matrix, shape)
    both = inside & (warped[..., 3] > 127) & field_of_view(ffa)
    tool = np.ones((2 * _RIM + 1,) * 2, np.uint8)
    valid = cv2.erode(both.astype(np.uint8), tool) > 0
    return AlignedPair(warped[..., :3], ffa, valid)


def _matrix(
    entry: PairEntry,
    fundus_shape: tuple[int, ...],
    ffa_shape: tuple[int, ...],
    assume_aligned: bool,
) -> np.ndarray:
    """Return the transform of a pair, 3x3, fundus xy → FFA xy."""
    if entry.matrix is not None:
        return entry.matrix
    check_alignable([entry], assume_aligned)
    if fundus_shape[:2] != ffa_shape[:2]:
        raise InputError(
            f"{entry.fundus}: {_size(fundus_shape)} pixels, but {entry.ffa}"
            f" has {_size(ffa_shape)}; images that are aligned already have one"
            " size, else give an affine or landmarks"
        )
    return np.eye(3)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
