"""The files of a report, and its page: pictures first, tables last."""

import dataclasses
import html
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from ffa_keras.evaluation.charts import metric_chart
from ffa_keras.evaluation.measures import Metric
from ffa_keras.evaluation.regions import LEGEND
from ffa_keras.evaluation.rendering import (
    fact_lines,
    fill,
    heading,
    html_table,
    intervals_note,
    markdown,
    tables,
)
from ffa_keras.evaluation.results import Report, count_images


@dataclasses.dataclass(frozen=True)
class Illustrations:
    """What a page shows beside numbers.

    Attributes:
        chosen: the worst, the median and the best case, `data:` addresses by
            title.
        chosen_by: by which measure.
        others: more cases.
        curves: SVG of the FROC; empty where leaks were not judged.
    """

    chosen: Mapping[str, str] = dataclasses.field(default_factory=dict)
    chosen_by: str = ""
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    curves: str = ""


def write_report(
    report: Report, folder: Path, shown: Illustrations | None = None
) -> None:
    """Write `report.json`, `report.md` and `report.html`.

    Args:
        report: of `summarise`.
        folder: where to.
        shown: pictures for the page.
    """
    text = json.dumps(report.to_json(), indent=2, allow_nan=False) + "\n"
    texts = {
        "report.json": text,
        "report.md": markdown(report),
        "report.html": _page(report, shown or Illustrations()),
    }
    for name, content in texts.items():
        (folder / name).write_text(content, encoding="utf-8")


def _page(report: Report, shown: Illustrations) -> str:
    escape, all_tables = html.escape, tables(report)
    first = next(iter(report.systems.values()))
    count = len(shown.chosen) + len(shown.others)
    return fill(
        "report.html",
        system=escape(next(iter(report.systems))),
        counts=" of ".join(
            f"{number} {kind}"
            for kind, number in count_images(first.images).items()
        ),
        chosen_by=escape(shown.chosen_by),
        legend=escape(LEGEND),
        chosen=_pictures(shown.chosen),
        others=_pictures(shown.others),
        shown=f"{count} of {len(first.images)}",
        curves=shown.curves,
        charts=_details(
            (section, _charts(report, metrics))
            for section, metrics in report.sections().items()
        ),
        tables=_details(
            (title, html_table(rows)) for title, rows in all_tables.items()
        ),
        facts="".join(
            f"<li>{escape(line)}</li>" for line in fact_lines(report)
        ),
        intervals=escape(intervals_note(report)),
    )


def _charts(report: Report, metrics: Iterable[Metric]) -> str:
    charts = "".join(metric_chart(report, metric) for metric in metrics)
    return f'<div class="charts">{charts}</div>'


def _pictures(pictures: Mapping[str, str]) -> str:
    return "\n".join(
        f"<h3>{html.escape(title)}</h3>"
        f'<img src="{html.escape(address)}" alt="case {html.escape(title)}">'
        for title, address in pictures.items()
    )


def _details(parts: Iterable[tuple[str, str]]) -> str:
    """Return parts that fold, the first one open."""
    return "\n".join(
        f"<details{' open' if not number else ''}>"
        f"<summary>{html.escape(heading(title))}</summary>{content}</details>"
        for number, (title, content) in enumerate(parts)
    )
