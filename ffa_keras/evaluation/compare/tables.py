"""The comparison as Markdown, LaTeX and CSV."""

import csv
import io
import math

from ffa_keras.evaluation.baselines import REAL
from ffa_keras.evaluation.compare.paired import Comparison
from ffa_keras.evaluation.measures import Metric
from ffa_keras.evaluation.rendering import (
    Rows,
    fact_lines,
    heading,
    intervals_note,
    markdown_table,
    number,
    section_rows,
)
from ffa_keras.evaluation.results import ALL, NOTICE, Report, strict
from ffa_keras.evaluation.statistics import Difference

_PAIRED = (
    "Difference from `proposed`, mean over {}; in brackets the 95 %"
    " interval from resampling patients; p of the sign-flip test over"
    " patients, adjusted for the number of rivals (Holm), not of measures: one"
    " p in twenty is below 0.05 by chance. Images where either has no number"
    " are left out."
)
_ONE_TRAINING = (
    "Each system was trained once. Another seed can move a figure by as much"
    " as systems differ here, and no interval knows of it: what is better here"
    " need not be better made. `--seeds=3` trains each three times."
)
_TRAININGS = (
    "Each system was trained {} times; intervals are from resampling trainings"
    " and patients, p from patients alone."
)
# Sections that are told for each category too.
_BY_CATEGORY = ("Summary", "Leakage")
_ESCAPED = str.maketrans({"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#"})


def to_markdown(comparison: Comparison) -> str:
    """Return all tables, the paired tests and the categories.

    Args:
        comparison: of `against_reference`.
    """
    report = comparison.report
    lines = ["# Comparison", "", f"**{NOTICE}**", ""]
    lines += [f"- {line}" for line in fact_lines(report)]
    lines += ["", intervals_note(report)]
    trainings = report.facts.get("seeds", 1)
    note = _ONE_TRAINING if trainings == 1 else _TRAININGS.format(trainings)
    lines += ["", note]
    sections = report.sections()
    for section, metrics in sections.items():
        rows = section_rows(report, ALL, metrics)
        lines += ["", f"## {section}", "", *markdown_table(rows)]
    if comparison.paired:
        lines += ["", "## Against the proposed system", ""]
        lines += [_PAIRED.format(report.unit)]
        lines += ["", *markdown_table(_paired_rows(comparison))]
    for group in report.groups():
        if group != ALL:
            lines += ["", f"## {heading(group)}"]
            for section in filter(sections.get, _BY_CATEGORY):
                rows = section_rows(report, group, sections[section])
                lines += ["", *markdown_table(rows)]
    return "\n".join(lines) + "\n"


def to_latex(report: Report) -> str:
    """Return a `booktabs` table as the paper's Tables 1 and 2, best in bold.

    The real FFA is the ceiling and none of the rows that may be best.

    Args:
        report: of `summarise`.
    """
    metrics = _headlines(report)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{l" + "r" * len(metrics) + "}",
        r"\toprule",
        _latex_row(["Method", *(metric.label for metric in metrics)]),
        r"\midrule",
    ]
    best = {metric.name: _best(report, metric) for metric in metrics}
    for name, system in report.systems.items():
        cells = [name.translate(_ESCAPED)]
        for metric in metrics:
            found = system.groups[ALL][metric.name]
            text = number(found.mean, metric)
            if name != REAL and found.mean == best[metric.name]:
                text = rf"\textbf{{{text}}}"
            if math.isfinite(found.low):
                low, high = (number(x, metric) for x in (found.low, found.high))
                text += rf" {{\scriptsize [{low}, {high}]}}"
            cells.append(text)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def to_csv(comparison: Comparison) -> str:
    """Return every estimate, one a line; what is missing is empty.

    Args:
        comparison: of `against_reference`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    paired_names = ("difference", "difference_low", "difference_high", "p")
    writer.writerow(
        ["method", "group", "metric", "mean", "low", "high", "n", *paired_names]
    )
    for name, system in comparison.report.systems.items():
        for group, estimates in system.groups.items():
            paired = comparison.paired.get(name, {}) if group == ALL else {}
            for metric, e in estimates.items():
                cells: list[float | None] = [e.mean, e.low, e.high, e.n]
                d = paired.get(metric)
                cells += [d.mean, d.low, d.high, d.p] if d else [None] * 4
                writer.writerow([name, group, metric, *strict(cells)])
    return text.getvalue()


def _headlines(report: Report) -> list[Metric]:
    return [metric for metric in report.metrics if metric.headline]


def _paired_rows(comparison: Comparison) -> Rows:
    metrics = _headlines(comparison.report)
    rows = [["", *(metric.label for metric in metrics)]]
    for rival, found in comparison.paired.items():
        cells = [_difference(found[metric.name], metric) for metric in metrics]
        rows.append([rival, *cells])
    return rows


def _difference(found: Difference, metric: Metric) -> str:
    text, low, high = (
        number(x, metric, "+") for x in (found.mean, found.low, found.high)
    )
    if "none" in (text, low):
        return text
    p = f"p = {found.p:.3f}" if found.p >= 0.001 else "p < 0.001"
    return f"{text} ({low} to {high}), {p}"


def _best(report: Report, metric: Metric) -> float | None:
    means = [
        system.groups[ALL][metric.name].mean
        for name, system in report.systems.items()
        if name != REAL
    ]
    present = [mean for mean in means if math.isfinite(mean)]
    choose = max if metric.best > 0 else min
    return choose(present, default=None)


def _latex_row(cells: list[str]) -> str:
    return " & ".join(text.translate(_ESCAPED) for text in cells) + r" \\"
