"""The report: numbers as JSON, and the same numbers to read."""

import dataclasses
import html
import json
import math
from pathlib import Path
from typing import Any

from ffa_keras import __version__
from ffa_keras.evaluation.statistics import mean_with_interval


@dataclasses.dataclass(frozen=True)
class Metric:
    """How a figure is shown.

    Attributes:
        label: its name and unit.
        digits: after the point.
        best: 1 if higher is better, -1 if lower is, 0 if neither.
    """

    label: str
    digits: int
    best: int


SECTIONS = {
    "Summary": {
        "psnr_valid": Metric("PSNR, valid area (dB)", 2, 1),
        "ssim_valid": Metric("SSIM, valid area", 4, 1),
        "psnr": Metric("PSNR, full frame (dB)", 2, 1),
        "ssim": Metric("SSIM, full frame", 4, 1),
    },
    "Other pixel measures": {
        "ms_ssim_valid": Metric("MS-SSIM, valid area", 4, 1),
        "l1_valid": Metric("L1, valid area (grey levels)", 2, -1),
        "ms_ssim": Metric("MS-SSIM, full frame", 4, 1),
        "l1": Metric("L1, full frame (grey levels)", 2, -1),
    },
    "Vessels": {
        "vessel_dice": Metric("vessel Dice", 3, 1),
        "vessel_cldice": Metric("vessel clDice", 3, 1),
        "vessel_auc": Metric("vessel AUC", 3, 1),
    },
    "Leakage": {
        "leak_dice": Metric("leakage Dice", 3, 1),
        "leak_area_error": Metric("area error (% of valid area)", 2, -1),
        "leak_sensitivity": Metric("regions found (share)", 3, 1),
        "leak_false_positives": Metric("false regions per image", 2, -1),
    },
    "Memorisation": {
        "own_similarity": Metric("correlation with own FFA", 3, 1),
        "training_similarity": Metric("with nearest training FFA", 3, 0),
        "nearer_to_training": Metric("share nearer to training", 3, -1),
    },
}
METRICS = {k: v for part in SECTIONS.values() for k, v in part.items()}
NOTICE = (
    "Synthetic images, for research only: not for clinical use. The real FFA"
    " remains the reference."
)
STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:75em;margin:2em auto;"
    "padding:0 1em}table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #bbb;padding:.25em .7em;text-align:right}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}"
    ".notice{background:#fff3cd;padding:.6em 1em}"
)


def summarise(
    images: dict[str, list[dict[str, Any]]], facts: dict[str, Any]
) -> dict[str, Any]:
    """Gather the judgements of all images into a report.

    Args:
        images: by the name of who answered, one dict an image with `pair`,
            `patient`, `category` and figures of `METRICS`.
        facts: what was judged and how, shown at the top.

    Returns:
        The report, strictly JSON: what is infinite or missing is `None`.
    """
    answers = {}
    for name, judged in images.items():
        groups = {"all": judged}
        for image in judged:
            groups.setdefault(image["category"], []).append(image)
        answers[name] = {
            "groups": {
                group: _summary(members) for group, members in groups.items()
            },
            "images": [
                {k: v for k, v in image.items() if k != "patient"}
                for image in judged
            ],
        }
    facts = {"ffa_keras": __version__, "notice": NOTICE, **facts}
    return strict({"facts": facts, "answers": answers})


def write_report(report: dict[str, Any], folder: Path) -> None:
    """Write `report.json`, `report.md` and `report.html`.

    Args:
        report: of `summarise`.
        folder: where to; figures are expected in `figures` beside them, one
            `PAIR.png` an image.
    """
    text = json.dumps(report, indent=2, allow_nan=False) + "\n"
    (folder / "report.json").write_text(text)
    (folder / "report.md").write_text(_markdown(report))
    (folder / "report.html").write_text(_html(report))


def tables(report: dict[str, Any]) -> dict[str, list[list[str]]]:
    """Return the report's tables as rows of text, the first row the header.

    Args:
        report: of `summarise`.

    Returns:
        A table for each of `SECTIONS`, `"Summary"` first, the same for each
        category, and `"Images"`.
    """
    answers = report["answers"]
    groups = list(
        dict.fromkeys(g for a in answers.values() for g in a["groups"])
    )
    result = {}
    for group in groups:
        for section in SECTIONS:
            rows = section_rows(answers, group, section)
            if len(rows) > 1:
                title = section if group == "all" else f"{group}: {section}"
                result[title] = rows
    first = next(iter(answers.values()))
    shown = SECTIONS["Summary"]
    images = [["image", "category", *(m.label for m in shown.values())]]
    for image in first["images"]:
        figures = [number(image[metric], metric) for metric in shown]
        images.append([image["pair"], image["category"], *figures])
    result["Images"] = images
    return result


def section_rows(
    answers: dict[str, Any], group: str, section: str
) -> list[list[str]]:
    """Return the rows of a section's table, the first row the header."""
    metrics = SECTIONS[section]
    rows = [["", *(metric.label for metric in metrics.values()), "images"]]
    for name, answer in answers.items():
        figures = answer["groups"].get(group, {})
        if figures.keys() >= metrics.keys():
            cells = [cell(figures[metric]) for metric in metrics]
            rows.append([name, *cells, str(figures[next(iter(metrics))]["of"])])
    return rows


def markdown_table(rows: list[list[str]]) -> list[str]:
    """Return a table as lines of Markdown; the first row is the header."""
    header, *body = rows
    return [
        "| " + " | ".join(header) + " |",
        "|---" * len(header) + "|",
        *("| " + " | ".join(row) + " |" for row in body),
    ]


def cell(figure: dict[str, Any]) -> str:
    """Return a mean with its interval, and its number if images are missing."""
    metric = figure["metric"]
    if figure["mean"] is None:
        return "none"
    text = number(figure["mean"], metric)
    if figure["low"] is not None:
        low, high = (number(figure[k], metric) for k in ("low", "high"))
        text += f" ({low} to {high})"
    if figure["n"] < figure["of"]:
        text += f", n = {figure['n']}"
    return text


def number(value: float | None, metric: str) -> str:
    """Return a figure with the digits of its metric."""
    return "none" if value is None else f"{value:.{METRICS[metric].digits}f}"


def strict(value: Any) -> Any:
    """Return a copy that is strictly JSON: not finite becomes `None`."""
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _summary(members: list[dict[str, Any]]) -> dict[str, Any]:
    patients = [image["patient"] for image in members]
    return {
        metric: {
            **mean_with_interval([m[metric] for m in members], patients),
            "of": len(members),
            "metric": metric,
        }
        for metric in METRICS
        if metric in members[0]
    }


def _heading(title: str) -> str:
    return title.replace("_", " ").capitalize()


INTERVALS = (
    "Mean over images; in brackets the 95 % interval from resampling patients."
    " Equal images have no finite PSNR and are left out of its mean."
)


def _markdown(report: dict[str, Any]) -> str:
    lines = ["# Evaluation", "", f"**{NOTICE}**", ""]
    lines += [
        f"- {key}: {value}"
        for key, value in report["facts"].items()
        if key != "notice"
    ]
    lines += ["", INTERVALS]
    for title, rows in tables(report).items():
        lines += ["", f"## {_heading(title)}", "", *markdown_table(rows)]
    return "\n".join(lines) + "\n"


def _html(report: dict[str, Any]) -> str:
    facts = "".join(
        f"<li>{html.escape(str(key))}: {html.escape(str(value))}</li>"
        for key, value in report["facts"].items()
        if key != "notice"
    )
    body = [
        "<h1>Evaluation</h1>",
        f'<p class="notice">{NOTICE}</p><ul>{facts}</ul><p>{INTERVALS}</p>',
    ]
    for title, (header, *rows) in tables(report).items():
        body.append(f"<h2>{html.escape(_heading(title))}</h2><table><tr>")
        body += [f"<th>{html.escape(text)}</th>" for text in header]
        body.append("</tr>")
        for row in rows:
            cells = "".join(f"<td>{html.escape(text)}</td>" for text in row)
            body.append(f"<tr>{cells}</tr>")
        body.append("</table>")
    body.append("<h2>Pictures</h2>")
    for image in next(iter(report["answers"].values()))["images"]:
        pair, category = image["pair"], html.escape(image["category"])
        body.append(
            f"<h3>{pair}, {category}</h3>"
            f'<img src="figures/{pair}.png" alt="case {pair}">'
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Evaluation</title><style>{STYLE}</style>"
        + "\n".join(body)
        + "</html>\n"
    )
