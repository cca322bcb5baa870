"""Put every system before the same held-out eyes."""

import collections
import concurrent.futures
import dataclasses
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tqdm

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import CHANCE, REAL, SECOND
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.inception import (
    InceptionFeatures,
    frechet_distance,
    kernel_distance,
)
from ffa_keras.evaluation.measures import (
    MEASURES,
    Eye,
    Measure,
    Scores,
    metrics_of,
)
from ffa_keras.evaluation.measures.leakage import LEAKAGE
from ffa_keras.evaluation.results import ImageScores
from ffa_keras.translation.answers import Translator

NO_INCEPTION = (
    "not computed: give a file of Inception weights with --inception_weights"
)
# From fewer images both are mostly noise.
_LEAST_IMAGES = 20
# Eyes whose predictions may be judged while the next is translated.
_IN_WORK = 2
# Scores that are being computed: by system, a part from each measure.
_InWork = dict[str, list[concurrent.futures.Future[Scores]]]


class Judge:
    """Judges systems on eyes.

    Args:
        eyes: read once, one after the other.
        systems: fundus uint8 [H, W, 3] to FFA uint8 [H, W, 1] or [H, W], by
            name, floor and classical pictures included; the predictions that
            eyes bring along stand before them, and after them what they bring
            beside these, and `REAL`.
        measures: what predictions are judged by.
        inception: features for KID and FID; `None` leaves both out.
        total: how many eyes there are, for the progress line; `None` if that
            is not known before they are read.

    Attributes:
        metrics: of the measures.
        images: by the name of the system, one score an eye, once `cases` has
            run through.
    """

    def __init__(
        self,
        eyes: Iterable[HeldOut],
        systems: Mapping[str, Translator],
        measures: Sequence[Measure] = MEASURES,
        inception: InceptionFeatures | None = None,
        total: int | None = None,
    ):
        self._eyes, self._total = eyes, total
        self._systems = dict(systems)
        self._measures = tuple(measures)
        self.metrics = metrics_of(self._measures)
        # What an eye scores in a row for which it has no picture.
        self._missing = {metric.name: math.nan for metric in self.metrics}
        self._features = _Features(inception) if inception else None
        self._seconds: dict[str, float] = collections.defaultdict(float)
        self._lock = threading.Lock()
        self._pictured: set[str] = set()
        self.images: dict[str, list[ImageScores]] = {}

    def __len__(self) -> int:
        """Return how many eyes have been judged."""
        return len(self.images.get(REAL, ()))

    @property
    def finds_leaks(self) -> bool:
        """Whether leaks are among what is judged."""
        return LEAKAGE in self._measures

    def cases(self) -> Iterator[HeldOut]:
        """Judge and yield one eye after the other, with all predictions.

        Only a few eyes are in memory at a time: what is yielded is to be drawn
        or written, not kept.

        Raises:
            InputError: there are no eyes, or an eye or a prediction cannot be
                judged.
        """
        waiting: collections.deque[tuple[HeldOut, _InWork]] = (
            collections.deque()
        )
        with (
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool,
            tqdm.tqdm(total=self._total, unit="image", disable=None) as bar,
        ):
            for held in self._eyes:
                waiting.append(self._begin(held, pool))
                if len(waiting) > _IN_WORK:
                    yield self._end(*waiting.popleft())
                    bar.update()
            while waiting:
                yield self._end(*waiting.popleft())
                bar.update()
        # A row of which no eye had a picture after all.
        self.images = {
            name: images
            for name, images in self.images.items()
            if name in self._pictured
        }
        if not len(self):
            raise InputError(
                "there is nothing to judge: no eye, or none as large as a patch"
            )

    def distances(self) -> dict[str, str]:
        """Return KID and FID of each name, or the reason why there are none."""
        if self._features is None:
            return {"KID and FID": NO_INCEPTION}
        return self._features.distances()

    def times(self) -> str:
        """Return a line with the seconds that each measure took an image.

        Measures run side by side: their sum is not the time that passed.
        """
        return "seconds an image: " + ", ".join(
            f"{name} {seconds / len(self):.3f}"
            for name, seconds in self._seconds.items()
        )

    def _begin(
        self, held: HeldOut, pool: concurrent.futures.Executor
    ) -> tuple[HeldOut, _InWork]:
        """Translate a photograph and have its predictions judged."""
        eye = held.eye
        predictions = {
            name: _checked(prediction, eye, name)
            for name, prediction in held.predictions.items()
        }
        for name, translate in self._systems.items():
            made = self._timed("translation", translate, eye.fundus)
            predictions[name] = _checked(made, eye, name)
        beside = {**held.beside, REAL: eye.real}
        for name, picture in beside.items():
            if picture is not None:
                predictions[name] = _checked(picture, eye, name)
        # Tasks start in this order, so that none waits for one behind it.
        compares = [
            pool.submit(self._timed, measure.name, measure.of, eye)
            for measure in self._measures
        ]

        def judge(number: int, prediction: np.ndarray) -> Scores:
            compare = compares[number].result()
            name = self._measures[number].name
            return self._timed(name, compare, prediction)

        self._pictured |= predictions.keys()
        # In one order, whatever this eye has no picture of.
        names = [*held.predictions, *self._systems, *beside]
        scores = {
            name: [
                pool.submit(judge, number, predictions[name])
                for number in range(len(compares) if name in predictions else 0)
            ]
            for name in names
        }
        return dataclasses.replace(held, predictions=predictions), scores

    def _end(self, held: HeldOut, work: _InWork) -> HeldOut:
        """Wait for the scores of an eye."""
        for name, parts in work.items():
            scores: Scores = {} if parts else dict(self._missing)
            for part in parts:
                scores |= part.result()
            self.images.setdefault(name, []).append(
                ImageScores(
                    held.pair,
                    held.patient,
                    held.category,
                    scores,
                    held.groups,
                    eye_id=held.eye_id,
                )
            )
        if self._features:
            self._features.add(held)
        return held

    def _timed(
        self, name: str, function: Callable[..., Any], argument: Any
    ) -> Any:
        start = time.perf_counter()
        result = function(argument)
        with self._lock:
            self._seconds[name] += time.perf_counter() - start
        return result


class _Features:
    """Gathers the Inception features of real and predicted images."""

    def __init__(self, inception: InceptionFeatures):
        self._inception = inception
        self._real: list[np.ndarray] = []
        self._predicted: dict[str, list[np.ndarray]] = {}

    def add(self, case: HeldOut) -> None:
        self._real.append(self._inception(case.eye.real))
        for name, prediction in case.predictions.items():
            # The same images in another order are the same set.
            if name in (REAL, CHANCE, SECOND):
                continue
            features = self._predicted.setdefault(name, [])
            features.append(self._inception(prediction))

    def distances(self) -> dict[str, str]:
        count = len(self._real)
        if count < _LEAST_IMAGES:
            return {
                "KID and FID": f"not computed: {count} images, and"
                f" {_LEAST_IMAGES} are needed"
            }
        real = np.stack(self._real)
        result = {}
        for name, features in self._predicted.items():
            predicted = np.stack(features)
            result[f"KID and FID of {name}"] = (
                f"{kernel_distance(real, predicted):.4f} and"
                f" {frechet_distance(real, predicted):.2f}, N = {count}"
            )
        # The same images twice are no sample of what another real set scores.
        halves = kernel_distance(real[::2], real[1::2])
        result[f"KID of {REAL}"] = f"{halves:.4f}, one half against the other"
        return result


def _checked(prediction: np.ndarray, eye: Eye, name: str) -> np.ndarray:
    """Return a prediction as [H, W, 1]; refuse one of another size."""
    shape = eye.real.shape
    if prediction.shape not in (shape, shape[:2]):
        raise InputError(
            f"{name}: predicts images of shape {list(prediction.shape)} where"
            f" {list(shape)} is needed: one grey image of the photograph's size"
        )
    return prediction.reshape(shape)
