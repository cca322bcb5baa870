"""The results of an evaluation, typed; JSON at the edge."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ffa_keras import __version__
from ffa_keras.evaluation.measures.base import Metric, Scores
from ffa_keras.evaluation.statistics import Estimate, mean_with_interval
from ffa_keras.records.schema import CATEGORIES

NOTICE = (
    "Synthetic images, for research only: not for clinical use. The real FFA"
    " remains the reference."
)
ALL = "all"
UNKNOWN = "not known"


@dataclasses.dataclass(frozen=True)
class ImageScores:
    """How one prediction scored.

    Attributes:
        pair: first digits of the hash of the pair.
        patient: by any name, empty if it is not known; no output holds it.
        category: name of its class.
        scores: a value for each metric, by name.
        groups: subgroups by column, such as `{"sex": "f"}`.
        by_training: scores of each training, where a system was trained
            several times; `scores` are their means.
        eye_id: of which eye, by any name, since eyes weigh alike; empty if the
            image counts by itself. No output holds it.
    """

    pair: str
    patient: str
    category: str
    scores: Scores
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)
    by_training: tuple[Scores, ...] = ()
    eye_id: str = ""


@dataclasses.dataclass(frozen=True)
class SystemResult:
    """How a system did.

    Attributes:
        groups: an estimate for each metric by name, of `ALL` images and of
            each class and each subgroup, by name.
        images: one a held-out pair.
    """

    groups: dict[str, dict[str, Estimate]]
    images: list[ImageScores]


@dataclasses.dataclass(frozen=True)
class Report:
    """What was judged, how, and with what result.

    Attributes:
        facts: what was judged and how, to be shown at the top.
        audited: whether an audit found no leaks between the splits; nobody
            looked otherwise.
        metrics: that every image was judged by, in the order of the tables.
        systems: by name, in the order of the tables.
    """

    facts: dict[str, str | int]
    audited: bool
    metrics: tuple[Metric, ...]
    systems: dict[str, SystemResult]

    def sections(self) -> dict[str, list[Metric]]:
        """Return the metrics of each table, by its title."""
        result: dict[str, list[Metric]] = {}
        for metric in self.metrics:
            result.setdefault(metric.section, []).append(metric)
        return result

    def groups(self) -> list[str]:
        """Return the names of the groups, `ALL` first."""
        return list(next(iter(self.systems.values())).groups)

    @property
    def unit(self) -> str:
        """What the means are over: eyes, or images if no eye is known."""
        first = next(iter(self.systems.values()))
        return "eyes" if any(i.eye_id for i in first.images) else "images"

    @property
    def resampled(self) -> str:
        """What the intervals resample: patients, if they are known."""
        first = next(iter(self.systems.values()))
        known = all(i.patient for i in first.images)
        return "patients" if known else f"{self.unit}, their patients unknown"

    def of(self, names: Iterable[str], facts: Mapping[str, str]) -> "Report":
        """Return the report of some of the systems.

        Args:
            names: which.
            facts: more of them, to stand first.
        """
        return dataclasses.replace(
            self,
            facts={**facts, **self.facts},
            systems={name: self.systems[name] for name in names},
        )

    @property
    def leaks_found(self) -> str:
        """What is known of leaks between the splits, in words."""
        return "none found" if self.audited else "not looked for"

    def all_facts(self) -> dict[str, str | int]:
        """Return the facts with the version and what is known of leaks."""
        return {
            "ffa_keras": __version__,
            **self.facts,
            "leaks between splits": self.leaks_found,
        }

    def to_json(self) -> dict[str, Any]:
        """Return what `report.json` holds: `facts` and `answers`.

        Strictly JSON: what is infinite or missing is `None`. No patient.
        """
        return strict(
            {
                "facts": {**self.all_facts(), "notice": NOTICE},
                "answers": {
                    name: {
                        "groups": {
                            group: {
                                name: {
                                    **dataclasses.asdict(estimate),
                                    "metric": name,
                                }
                                for name, estimate in estimates.items()
                            }
                            for group, estimates in system.groups.items()
                        },
                        "images": [
                            {"pair": i.pair, "category": i.category, **i.scores}
                            for i in system.images
                        ],
                    }
                    for name, system in self.systems.items()
                },
            }
        )


def summarise(
    images: Mapping[str, Sequence[ImageScores]],
    metrics: tuple[Metric, ...],
    facts: Mapping[str, str | int],
    audited: bool,
) -> Report:
    """Gather the scores of all images into a report.

    Args:
        images: by the name of the system, one a pair.
        metrics: that they were judged by.
        facts: what was judged and how.
        audited: whether an audit found no leaks between the splits.
    """
    names = [metric.name for metric in metrics]
    systems = {name: _system(judged, names) for name, judged in images.items()}
    return Report(dict(facts), audited, metrics, systems)


def strict(value: Any) -> Any:
    """Return a copy that is strictly JSON: not finite becomes `None`."""
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _system(judged: Sequence[ImageScores], names: list[str]) -> SystemResult:
    groups = {ALL: list(judged)}
    # Where nobody told a class there are no classes.
    if {image.category for image in judged} - {"", CATEGORIES[0]}:
        for image in judged:
            groups.setdefault(image.category or UNKNOWN, []).append(image)
    for column in sorted({name for i in judged for name in i.groups}):
        for value in sorted({i.groups.get(column, "") for i in judged}):
            groups[f"{column}: {value or UNKNOWN}"] = [
                image
                for image in judged
                if image.groups.get(column, "") == value
            ]
    return SystemResult(
        {name: _estimates(members, names) for name, members in groups.items()},
        list(judged),
    )


def _estimates(
    members: list[ImageScores], names: list[str]
) -> dict[str, Estimate]:
    owners = owners_of(members)
    return {
        name: mean_with_interval(scores_of(members, name), *owners)
        for name in names
    }


def owners_of(images: Sequence[ImageScores]) -> tuple[list[str], list[str]]:
    """Return the patient and the eye of each image.

    Args:
        images: of one system; of an unknown eye or patient each is its own.
    """
    # A line break stands in no name that a table gives.
    eyes = [
        image.eye_id or f"\n{number}" for number, image in enumerate(images)
    ]
    patients = [
        image.patient or eye for image, eye in zip(images, eyes, strict=True)
    ]
    return patients, eyes


def count_images(images: Sequence[ImageScores]) -> dict[str, int]:
    """Return how many images, eyes and patients there are, of what is known.

    Args:
        images: of one system.
    """
    counts = {"images": len(images)}
    for kind, names in (
        ("eyes", [image.eye_id for image in images]),
        ("patients", [image.patient for image in images]),
    ):
        if all(names):
            counts[kind] = len(set(names))
    return counts


def scores_of(images: Sequence[ImageScores], name: str) -> np.ndarray:
    """Return what images scored, float64 [S, N] for S trainings.

    Args:
        images: of one system.
        name: of the metric.
    """
    return np.array(
        [[s[name] for s in i.by_training or (i.scores,)] for i in images]
    ).T


def merge_trainings(
    trainings: Sequence[Sequence[ImageScores]],
) -> list[ImageScores]:
    """Return the scores of a system that was trained several times.

    Args:
        trainings: of each the scores of all images, in one order.
    """
    merged = []
    for same in zip(*trainings, strict=True):
        scores = {}
        for name in same[0].scores:
            values = np.array([image.scores[name] for image in same])
            finite = values[np.isfinite(values)]
            # Where no training has a number, it is missing or infinite alike.
            scores[name] = float(finite.mean() if finite.size else values[0])
        merged.append(
            dataclasses.replace(
                same[0],
                scores=scores,
                by_training=tuple(image.scores for image in same),
            )
        )
    return merged
