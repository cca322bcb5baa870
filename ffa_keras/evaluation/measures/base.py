"""What a measure is: metrics, and the function that computes them."""

import dataclasses
from collections.abc import Callable, Iterable

import numpy as np

from ffa_keras.errors import InputError

# The window of SSIM has to fit.
_MIN_SIDE = 11
Scores = dict[str, float]
Compare = Callable[[np.ndarray], Scores]


@dataclasses.dataclass(frozen=True)
class Metric:
    """One number that a prediction is judged by.

    Attributes:
        name: its key in `report.json`.
        label: its name and unit, as the tables say it.
        digits: after the point.
        best: 1 if higher is better, -1 if lower is, 0 if neither.
        section: title of the table it stands in.
        headline: whether it also stands in the short tables of a comparison.
    """

    name: str
    label: str
    digits: int
    best: int
    section: str
    headline: bool = False


@dataclasses.dataclass(frozen=True)
class Eye:
    """A held-out eye, which predictions of its FFA are compared with.

    Attributes:
        fundus: uint8 [H, W, 3], RGB.
        real: uint8 [H, W, 1], its FFA.
        mask: bool [H, W, 1], the overlap of both fields of view.
        leakage: bool [H, W, 1], where it leaks; `None` if that is not known.

    Raises:
        InputError: the images differ in size, or a side is below 11 pixels.
    """

    fundus: np.ndarray
    real: np.ndarray
    mask: np.ndarray
    leakage: np.ndarray | None = None

    def __post_init__(self) -> None:
        images = (self.fundus, self.real, self.mask, self.leakage)
        sizes = {image.shape[:2] for image in images if image is not None}
        if len(sizes) > 1:
            raise InputError(
                "photograph, FFA and masks differ in size: "
                + ", ".join(f"{w}x{h}" for h, w in sorted(sizes))
                + "; prepare the dataset again"
            )
        if min(self.real.shape[:2]) < _MIN_SIDE:
            height, width = self.real.shape[:2]
            raise InputError(
                f"an FFA of {width}x{height} pixels cannot be judged: SSIM"
                f" needs sides of at least {_MIN_SIDE}"
            )


@dataclasses.dataclass(frozen=True)
class Measure:
    """Metrics that are computed together.

    Attributes:
        name: of what is measured, for messages.
        metrics: what it returns, each of them for every image; NaN where an
            image has none.
        prepare: measures the real side of an eye, once, and returns the
            function that compares a prediction, uint8 [H, W, 1], with it.
            Called from several threads.
    """

    name: str
    metrics: tuple[Metric, ...]
    prepare: Callable[[Eye], Compare]

    def of(self, eye: Eye) -> Compare:
        """Return the function that compares predictions with an eye.

        Args:
            eye: whose real side is measured here.

        Returns:
            From a prediction, uint8 [H, W, 1], to a float for each name of
            `metrics`.

        Raises:
            ValueError: by the function, if what was computed is not what
                `metrics` declares.
        """
        compare = self.prepare(eye)
        names = [metric.name for metric in self.metrics]

        def checked(prediction: np.ndarray) -> Scores:
            scores = compare(prediction)
            missing = sorted(set(names) - set(scores))
            unknown = sorted(set(scores) - set(names))
            if missing or unknown:
                raise ValueError(
                    f"measure {self.name}: missing metrics {missing},"
                    f" undeclared metrics {unknown}"
                )
            return {name: float(scores[name]) for name in names}

        return checked


def metrics_of(measures: Iterable[Measure]) -> tuple[Metric, ...]:
    """Return the metrics of several measures.

    Args:
        measures: in the order in which the tables show them.

    Raises:
        ValueError: two metrics have one name.
    """
    metrics = tuple(metric for m in measures for metric in m.metrics)
    names = [metric.name for metric in metrics]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"metrics declared twice: {twice}")
    return metrics
