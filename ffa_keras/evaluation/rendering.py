"""The report to read: its tables as text, Markdown and HTML."""

import html
import importlib.resources
import math
import string

from ffa_keras.evaluation.measures.base import Metric
from ffa_keras.evaluation.results import ALL, NOTICE, Report
from ffa_keras.evaluation.statistics import Estimate

Rows = list[list[str]]
_INTERVALS = (
    "Mean over {}; in brackets the 95 % interval from resampling {}."
    " There is none from fewer than six patients, which would be too narrow."
    " n says how many have a value, where not all do: a share of leaks found"
    " needs a leak, and equal images have no finite PSNR."
)


def tables(report: Report) -> dict[str, Rows]:
    """Return the report's tables as rows of text, the first row the header.

    Args:
        report: of `summarise`.

    Returns:
        A table for each section, by its title, the same for each category, and
        `"Images"`: what the first system scored in the first section.
    """
    sections = report.sections()
    result = {
        section if group == ALL else f"{group}: {section}": section_rows(
            report, group, metrics
        )
        for group in report.groups()
        for section, metrics in sections.items()
    }
    shown = next(iter(sections.values()))
    images = [["image", "category", *(metric.label for metric in shown)]]
    for image in next(iter(report.systems.values())).images:
        cells = [number(image.scores[m.name], m) for m in shown]
        images.append([image.pair, image.category, *cells])
    result["Images"] = images
    return result


def intervals_note(report: Report) -> str:
    """Return what the means and intervals of a report are.

    Args:
        report: of `summarise`.
    """
    eyes = "eyes, each by the mean of its images"
    unit = eyes if report.unit == "eyes" else report.unit
    return _INTERVALS.format(unit, report.resampled)


def section_rows(report: Report, group: str, metrics: list[Metric]) -> Rows:
    """Return the rows of a table, the first row the header.

    Args:
        report: of `summarise`.
        group: which images.
        metrics: its columns.
    """
    rows = [["", *(metric.label for metric in metrics), report.unit]]
    several = any(
        e.images > e.of
        for system in report.systems.values()
        for e in system.groups[ALL].values()
    )
    if several:
        rows[0].append("images")
    for name, system in report.systems.items():
        found = [system.groups[group][metric.name] for metric in metrics]
        cells = [
            cell(e, metric) for e, metric in zip(found, metrics, strict=True)
        ]
        rows.append([name, *cells, str(found[0].of)])
        if several:
            rows[-1].append(str(found[0].images))
    return rows


def markdown_table(rows: Rows) -> list[str]:
    """Return a table as lines of Markdown; the first row is the header."""
    header, *body = rows
    return [
        "| " + " | ".join(header) + " |",
        "|---" * len(header) + "|",
        *("| " + " | ".join(row) + " |" for row in body),
    ]


def html_table(rows: Rows) -> str:
    """Return a table as HTML, escaped; the first row is the header."""
    header, *body = rows
    lines = [_html_row(header, "th"), *(_html_row(row, "td") for row in body)]
    return "<table>" + "".join(lines) + "</table>"


def cell(estimate: Estimate, metric: Metric) -> str:
    """Return a mean with its interval, and its number if eyes are missing.

    Args:
        estimate: of `metric`.
        metric: says how many digits.
    """
    text = number(estimate.mean, metric)
    if text == "none":
        return text
    low, high = (number(x, metric) for x in (estimate.low, estimate.high))
    if low != "none":
        text += f" ({low} to {high})"
    return text + (
        f", n\u00a0=\u00a0{estimate.n}" if estimate.n < estimate.of else ""
    )


def number(value: float, metric: Metric, sign: str = "") -> str:
    """Return a value with the digits of its metric, "none" if not finite.

    Args:
        value: of `metric`.
        metric: says how many digits.
        sign: `"+"` to have one before what is above 0.
    """
    if not math.isfinite(value):
        return "none"
    return f"{value:{sign}.{metric.digits}f}"


def heading(title: str) -> str:
    """Return a name as a title."""
    return title[:1].upper() + title[1:].replace("_", " ")


def fact_lines(report: Report) -> list[str]:
    """Return what was judged and how, a line each."""
    return [f"{key}: {value}" for key, value in report.all_facts().items()]


def fill(template: str, **values: str) -> str:
    """Return a page of `templates` with the style, the notice and values.

    Args:
        template: name of the file.
        values: of its places; HTML where they are not plain.
    """
    folder = importlib.resources.files(__package__) / "templates"
    page = string.Template((folder / template).read_text(encoding="utf-8"))
    style = (folder / "style.css").read_text(encoding="utf-8")
    return page.substitute(style=style, notice=html.escape(NOTICE), **values)


def markdown(report: Report) -> str:
    """Return the report as Markdown.

    Args:
        report: of `summarise`.
    """
    lines = ["# Evaluation", "", f"**{NOTICE}**", ""]
    lines += [f"- {line}" for line in fact_lines(report)]
    lines += ["", intervals_note(report)]
    for title, rows in tables(report).items():
        lines += ["", f"## {heading(title)}", "", *markdown_table(rows)]
    return "\n".join(lines) + "\n"


def _html_row(cells: list[str], tag: str) -> str:
    inner = "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in cells)
    return f"<tr>{inner}</tr>"
