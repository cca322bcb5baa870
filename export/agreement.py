"""How closely an exported generator answers as the Keras model does."""

import collections
import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import keras
import numpy as np
from absl import logging

from ffa_keras.errors import InputError
from ffa_keras.ops import ssim
from ffa_keras.phantom import make_pair
from ffa_keras.records.dataset import load_pairs
from ffa_keras.translation.answers import MOST_PIXELS_WHOLE, Translator
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.scale import to_field
from ffa_keras.translation.whole import trained_diameter, translate_native

from .endpoints import PRECISIONS

_NUM_HELD_OUT = 4
_NUM_CALIBRATION = 32
NUM_VIEWS = 16
PATCH = 512
_MOST_SIZES = 3
# Least PSNR, dB, between the 8-bit answers of a kind and those of Keras. One
# pixel in 60 off by one grey level is 66 dB; 40 is 2.5 levels on average.
BOUNDS = dict(zip(PRECISIONS, (66.0, 55.0, 36.0, 30.0), strict=True))
# Cameras differ in light and colour: without these int8 lost 12 dB on the pale
# photographs of a camera that the dataset did not hold.
BRIGHTNESSES = (0.5, 1.0, 1.5)
SATURATIONS = (1.0, 0.3)


@dataclasses.dataclass(frozen=True)
class Agreement:
    """The answers of an exported generator beside those of Keras.

    Attributes:
        psnr: over all pixels of all photographs, dB; infinite if all equal.
        worst: largest difference of a pixel, grey levels.
        ssim: mean over the photographs.
    """

    psnr: float
    worst: int
    ssim: float

    def __str__(self) -> str:
        return (
            f"{self.psnr:.1f} dB from Keras, worst pixel {self.worst} grey"
            f" levels, SSIM {self.ssim:.4f}"
        )


def checked(
    generator: keras.Model,
    model: str | Path,
    precision: str,
    dataset_dir: str | Path,
) -> Agreement:
    """Compare an exported model with its generator, and refuse what strays.

    Args:
        generator: as for `compare`.
        model: file or folder of the export, without metadata so far: both
            translate photographs at their own size.
        precision: of `PRECISIONS`.
        dataset_dir: as for `held_out`.

    Raises:
        InputError: the answers are further from Keras than `BOUNDS`.
    """
    photographs = held_out(dataset_dir, trained_diameter(generator))
    # Some sizes may have a signature of their own: this one has none.
    photographs.append(photographs[0][1:, 1:])
    agreement = compare(generator, load_translator(model), photographs)
    if agreement.psnr < BOUNDS[precision]:
        raise InputError(
            f"--precision={precision}: {agreement}; at least"
            f" {BOUNDS[precision]:.0f} dB wanted, choose a finer precision"
        )
    return agreement


def compare(
    generator: keras.Model,
    exported: Translator,
    photographs: Iterable[np.ndarray],
) -> Agreement:
    """Translate photographs as they are and compare the 8-bit answers.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        exported: as `load_translator` returns it.
        photographs: uint8 arrays [H, W, 3], RGB; at least one.
    """
    squares, worst, similarities = [], 0, []
    for fundus in photographs:
        wanted, got = translate_native(generator, fundus), exported(fundus)
        difference = np.abs(wanted.astype(int) - got)
        squares.append(difference.ravel() ** 2)
        worst = max(worst, int(difference.max()))
        similarities.append(float(ssim(wanted[None], got[None])[0]))
    error = float(np.mean(np.concatenate(squares)))
    psnr = 10 * np.log10(255**2 / error) if error else float("inf")
    return Agreement(float(psnr), worst, float(np.mean(similarities)))


def held_out(dataset_dir: str | Path, diameter: int = 0) -> list[np.ndarray]:
    """Return validation photographs, or phantoms where there is no dataset.

    Args:
        dataset_dir: a prepared dataset.
        diameter: of the field of view that the generator knows, pixels; 0 if
            any: photographs come to it as `scale.to_field` brings them.

    Returns:
        uint8 arrays [H, W, 3], RGB.
    """
    try:
        photographs = [*_photographs(dataset_dir, "validation", _NUM_HELD_OUT)]
    except InputError as error:
        logging.warning("compared on phantoms: %s", error)
        photographs = [
            make_pair(seed, "large_focal", 256).fundus
            for seed in range(_NUM_HELD_OUT)
        ]
    # Of larger ones the middle: exports take no more at once.
    side = math.isqrt(MOST_PIXELS_WHOLE)
    return [_middle(to_field(fundus, diameter), side) for fundus in photographs]


def frame_sizes(dataset_dir: str | Path) -> list[tuple[int, int]]:
    """Return the most usual sizes of a dataset's photographs, at most three.

    Args:
        dataset_dir: a prepared dataset.

    Returns:
        Height and width of each; none where there is no dataset.
    """
    try:
        photographs = _photographs(dataset_dir, "train", _NUM_CALIBRATION)
    except InputError:
        return []
    found = collections.Counter(fundus.shape[:2] for fundus in photographs)
    usual = [size for size, _ in found.most_common(_MOST_SIZES)]
    return [size for size in usual if math.prod(size) <= MOST_PIXELS_WHOLE]


def calibration_patches(
    dataset_dir: str | Path, diameter: int = 0
) -> list[np.ndarray]:
    """Return views of training photographs that set the ranges of int8.

    Args:
        dataset_dir: a prepared dataset.
        diameter: as for `held_out`.

    Returns:
        Up to 16 float32 arrays [1, H, W, 3], grey levels, H and W at most 512:
        the middle of a photograph or all of it with its surround, dimmed,
        brightened or paled, drawn from all such views.

    Raises:
        InputError: no such dataset.
    """
    photographs = [
        to_field(fundus, diameter)
        for fundus in _photographs(dataset_dir, "train", _NUM_CALIBRATION)
    ]
    views = list(
        itertools.product(
            photographs, (_middle, _whole), SATURATIONS, BRIGHTNESSES
        )
    )
    chosen = np.random.default_rng(0).permutation(len(views))
    patches = []
    for index in chosen[:NUM_VIEWS]:
        fundus, cut, saturation, brightness = views[index]
        patch = cut(fundus)[None].astype(np.float32)
        patch = np.clip(brightness * patch, 0, 255)
        grey = patch.mean(axis=-1, keepdims=True)
        patches.append(grey + np.float32(saturation) * (patch - grey))
    return patches


def _photographs(
    dataset_dir: str | Path, split: str, most: int
) -> Iterator[np.ndarray]:
    """Return the first photographs of a split, uint8 [H, W, 3], RGB."""
    pairs = load_pairs(dataset_dir, split, lone="fundus").take(most)
    return (pair["fundus"] for pair in pairs.as_numpy_iterator())


def _middle(fundus: np.ndarray, side: int | None = None) -> np.ndarray:
    side = side or PATCH
    top, left = (max(0, n - side) // 2 for n in fundus.shape[:2])
    return fundus[top : top + side, left : left + side]


def _whole(fundus: np.ndarray) -> np.ndarray:
    scale = min(1.0, PATCH / max(fundus.shape[:2]))
    return cv2.resize(
        fundus, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
