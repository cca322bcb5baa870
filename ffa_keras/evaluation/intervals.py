"""How far an answer may be off: intervals that hold for nine parts in ten.

Split-conformal: calibrated on patients that neither trained the network nor
judge it, they hold for a new patient of the same kind whatever the network is.
Where a pixel's interval is wide is learnt from training eyes, by the answer's
grey level; how wide is decided by conformal risk control (Angelopoulos 2022),
so that of a new patient's pixels 90 % lie inside on average. The area that
leaks has an interval of its own (Vovk 2005).
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ffa_keras.evaluation.eyes import eyes_of
from ffa_keras.evaluation.half_widths import LEVELS, WIDTHS
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.broad_leaks import broad_leaks
from ffa_keras.evaluation.measures.leakage import leaking_regions
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.translation.answers import Translator

INSIDE = 0.9
LEAST_TO_CALIBRATE = 20
_TRAINING_EYES = 20
# Grey levels over which the error by grey level is smoothed.
_SMOOTH = 6.0
_LEAST_SCALE = 1.0
# Half widths that are tried, in units of the error by grey level.
_FACTORS = np.linspace(0, 20, 2001)


@dataclasses.dataclass(frozen=True)
class Intervals:
    """Intervals of one generator.

    Attributes:
        patients: that calibrated them.
        half_widths: float64 [256], how far off a pixel may be, by the grey
            level of the answer.
        area: how far off the area that leaks may be, per cent of the field.
    """

    patients: int
    half_widths: np.ndarray
    area: float

    def to_json(self, generator: str) -> dict[str, Any]:
        """Return what `intervals.json` holds.

        Args:
            generator: fingerprint of the model.
        """
        return {
            "generator": generator,
            "inside": INSIDE,
            "patients": self.patients,
            WIDTHS: self.half_widths.round(2).tolist(),
            "half_width_of_leaking_area": round(self.area, 4),
        }


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is compared of an eye.

    Attributes:
        fake: uint8 [N], the answer inside the mask.
        error: float64 [N], how far it is off.
        area_error: how far the area that leaks is off, per cent of the field.
        patient: whose eye it is.
    """

    fake: np.ndarray
    error: np.ndarray
    area_error: float
    patient: str = ""


class Coverage:
    """Counts what of judged eyes lies inside.

    Args:
        intervals: to be checked.

    Attributes:
        pixels: share of the pixels inside, of each image that has any.
        areas: whether the area that leaks is, of each image.
    """

    def __init__(self, intervals: Intervals):
        self._intervals = intervals
        self.pixels: list[float] = []
        self.areas: list[bool] = []

    def add(self, eye: Eye, fake: np.ndarray) -> None:
        """Count an eye in.

        Args:
            eye: which.
            fake: uint8 [H, W, 1], the answer.
        """
        answer = answer_of(eye, fake)
        inside = answer.error <= self._intervals.half_widths[answer.fake]
        if inside.size:
            self.pixels.append(float(inside.mean()))
        self.areas.append(answer.area_error <= self._intervals.area)

    def describe(self) -> str:
        """Return the intervals and what was found, in words."""
        found, widths = self._intervals, self._intervals.half_widths
        return (
            f"calibrated on {found.patients} patients of the validation split."
            f" Pixels: {widths.min():.0f} to {widths.max():.0f} grey levels"
            f" either way by the answer's grey level; of {len(self.pixels)}"
            f" judged images {100 * np.mean(self.pixels):.1f} % of the pixels"
            f" are inside. Area that leaks: {found.area:.2f} % of the field"
            f" either way; {sum(self.areas)} of {len(self.areas)} images are"
            " inside"
        )


def calibrate(
    dataset: PreparedDataset, translate: Translator
) -> Intervals | str:
    """Calibrate the intervals of a generator on a dataset's validation split.

    Args:
        dataset: which; of its training split some eyes are read too.
        translate: the generator.

    Returns:
        The intervals, or why there are none.
    """
    count = 0
    if "validation" in dataset.splits:
        records = dataset.records("validation", ["patient"])
        count = len({record["patient"] for record in records})
    if count < LEAST_TO_CALIBRATE:
        return (
            f"none: {count} patients in the validation split, and"
            f" {LEAST_TO_CALIBRATE} are needed to calibrate them"
        )
    if not dataset.stores_of("train"):
        return "none: no pair is in the training split"

    def answers(split: str) -> Iterator[Answer]:
        for number, held in enumerate(eyes_of(dataset, split)):
            if split == "train" and number == _TRAINING_EYES:
                return
            fake = translate(held.eye.fundus).reshape(held.eye.real.shape)
            yield answer_of(held.eye, fake, held.patient)

    return intervals_of(answers("validation"), error_by_level(answers("train")))


def error_by_level(answers: Iterable[Answer]) -> np.ndarray:
    """Return the mean absolute error of answers by their grey level, [256].

    Smooth, and at least 1; levels that never appear have that of their
    neighbours.
    """
    sums, counts = np.zeros(LEVELS), np.zeros(LEVELS)
    for answer in answers:
        sums += np.bincount(answer.fake, answer.error, LEVELS)
        counts += np.bincount(answer.fake, minlength=LEVELS)
    levels = np.arange(LEVELS)
    apart = (levels - levels[:, None]) / _SMOOTH
    # Wide tails reach over levels that no answer has.
    weight = np.exp(-(apart**2) / 2) + 1e-6 / (1 + apart**2)
    mean = (weight @ sums) / np.maximum(weight @ counts, 1e-12)
    return np.maximum(mean, _LEAST_SCALE)


def intervals_of(answers: Iterable[Answer], scale: np.ndarray) -> Intervals:
    """Return the intervals that answers calibrate.

    Args:
        answers: of eyes that are exchangeable with those to come.
        scale: float64 [256], of the widths, from other eyes.
    """
    missed: dict[str, list[np.ndarray]] = {}
    areas: dict[str, float] = {}
    for answer in answers:
        name = answer.patient
        if answer.error.size:
            ratio = np.sort(answer.error / scale[answer.fake])
            inside = np.searchsorted(ratio, _FACTORS, "right") / ratio.size
            missed.setdefault(name, []).append(1 - inside)
        # A patient is inside if all of their eyes are.
        areas[name] = max(areas.get(name, 0.0), answer.area_error)
    curves = np.array([np.mean(eyes, 0) for eyes in missed.values()])
    # The patient to come may be missed altogether: hence the 1.
    risk = (curves.sum(0) + 1) / (len(curves) + 1)
    enough = np.flatnonzero(risk <= 1 - INSIDE)
    widths = np.full(LEVELS, 255.0)
    if len(enough):
        widths = np.minimum(_FACTORS[enough[0]] * scale, 255)
    rank = math.ceil((len(areas) + 1) * INSIDE)
    ranked = sorted(areas.values())
    area = ranked[rank - 1] if rank <= len(ranked) else 100.0
    return Intervals(len(areas), widths, area)


def answer_of(eye: Eye, fake: np.ndarray, patient: str = "") -> Answer:
    """Return what is compared of an eye.

    Args:
        eye: the real side.
        fake: uint8 [H, W, 1], the answer.
        patient: whose eye it is.
    """
    inside = eye.mask
    error = np.abs(eye.real[inside].astype(np.float64) - fake[inside])
    found = int((broad_leaks(fake, inside[..., 0]).labels > 0).sum())
    off = abs(found - int(leaking_regions(eye).sum()))
    area_error = 100 * off / max(int(inside.sum()), 1)
    return Answer(fake[inside], error, area_error, patient)
