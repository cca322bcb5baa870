"""A comparison: the report, and how far each system is from the proposed."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ffa_keras.evaluation.results import (
    Report,
    owners_of,
    scores_of,
    strict,
)
from ffa_keras.evaluation.statistics import (
    Difference,
    holm,
    paired_difference,
)

REFERENCE = "proposed"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Several systems judged on the same eyes.

    Attributes:
        report: of the systems, and of the trivial predictions after them.
        methods: names of the systems.
        paired: how far each rival is from `REFERENCE`, by rival and metric;
            empty if that is not among the systems.
    """

    report: Report
    methods: list[str]
    paired: dict[str, dict[str, Difference]]

    def to_json(self) -> dict[str, Any]:
        """Return what `comparison.json` holds: the report's, and `paired`."""
        found = self.report.to_json()
        found["facts"]["methods"] = self.methods
        found["paired"] = strict(
            {
                rival: {k: dataclasses.asdict(d) for k, d in metrics.items()}
                for rival, metrics in self.paired.items()
            }
        )
        return found


def against_reference(report: Report, methods: Sequence[str]) -> Comparison:
    """Compare systems with the proposed one, metric by metric.

    Args:
        report: of `summarise`.
        methods: which of its systems; p-values are adjusted for their number.
    """
    rivals = [method for method in methods if method != REFERENCE]
    paired: dict[str, dict[str, Difference]] = {}
    if REFERENCE in methods:
        paired = {rival: {} for rival in rivals}
        owners = owners_of(report.systems[REFERENCE].images)
        for metric in report.metrics:
            columns = {
                m: scores_of(report.systems[m].images, metric.name)
                for m in methods
            }
            found = [
                paired_difference(columns[r], columns[REFERENCE], *owners)
                for r in rivals
            ]
            adjusted = holm([difference.p for difference in found])
            for rival, difference, p in zip(
                rivals, found, adjusted, strict=True
            ):
                paired[rival][metric.name] = dataclasses.replace(
                    difference, p=p
                )
    return Comparison(report, list(methods), paired)
