"""The report: numbers as JSON, and the same numbers to read."""

import html
import json
import math
from pathlib import Path
from typing import Any

from ffa_keras import __version__
from ffa_keras.evaluation.statistics import mean_with_interval

METRICS = {
    "psnr_valid": "PSNR, valid area (dB)",
    "ssim_valid": "SSIM, valid area",
    "psnr": "PSNR, full frame (dB)",
    "ssim": "SSIM, full frame",
}
NOTICE = (
    "Synthetic images, for research only: not for clinical use. The real FFA"
    " remains the reference."
)
_STYLE = (
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
            `patient`, `category` and the figures of `METRICS`.
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
    return _strict({"facts": facts, "answers": answers})


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
        `"Summary"`, a table for each category, and `"Images"`.
    """
    answers = report["answers"]
    groups = list(
        dict.fromkeys(g for a in answers.values() for g in a["groups"])
    )
    result = {}
    for group in groups:
        rows = [["", *METRICS.values(), "images"]]
        for name, answer in answers.items():
            figures = answer["groups"].get(group)
            if figures:
                cells = [_cell(figures[metric]) for metric in METRICS]
                rows.append([name, *cells, str(figures["psnr"]["of"])])
        result["Summary" if group == "all" else group] = rows
    images = [["image", "category", *METRICS.values()]]
    for image in answers["generator"]["images"]:
        figures = [_number(image[metric], metric) for metric in METRICS]
        images.append([image["pair"], image["category"], *figures])
    result["Images"] = images
    return result


def _summary(members: list[dict[str, Any]]) -> dict[str, Any]:
    patients = [image["patient"] for image in members]
    return {
        metric: {
            **mean_with_interval([m[metric] for m in members], patients),
            "of": len(members),
            "metric": metric,
        }
        for metric in METRICS
    }


def _cell(figure: dict[str, Any]) -> str:
    metric = figure["metric"]
    if figure["mean"] is None:
        return "none"
    text = _number(figure["mean"], metric)
    if figure["low"] is not None:
        low, high = (_number(figure[k], metric) for k in ("low", "high"))
        text += f" ({low} to {high})"
    if figure["n"] < figure["of"]:
        text += f", n = {figure['n']}"
    return text


def _number(value: float | None, metric: str) -> str:
    if value is None:
        return "none"
    return f"{value:.2f}" if metric.startswith("psnr") else f"{value:.4f}"


def _heading(title: str) -> str:
    return title.replace("_", " ").capitalize()


_INTERVALS = (
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
    lines += ["", _INTERVALS]
    for title, (header, *rows) in tables(report).items():
        lines += ["", f"## {_heading(title)}", ""]
        lines.append("| " + " | ".join(header) + " |")
        lines.append("|---" * len(header) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _html(report: dict[str, Any]) -> str:
    facts = "".join(
        f"<li>{html.escape(str(key))}: {html.escape(str(value))}</li>"
        for key, value in report["facts"].items()
        if key != "notice"
    )
    body = [
        "<h1>Evaluation</h1>",
        f'<p class="notice">{NOTICE}</p><ul>{facts}</ul><p>{_INTERVALS}</p>',
    ]
    for title, (header, *rows) in tables(report).items():
        body.append(f"<h2>{html.escape(_heading(title))}</h2><table><tr>")
        body += [f"<th>{html.escape(cell)}</th>" for cell in header]
        body.append("</tr>")
        for row in rows:
            cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
            body.append(f"<tr>{cells}</tr>")
        body.append("</table>")
    body.append("<h2>Pictures</h2>")
    for image in report["answers"]["generator"]["images"]:
        pair, category = image["pair"], html.escape(image["category"])
        body.append(
            f"<h3>{pair}, {category}</h3>"
            f'<img src="figures/{pair}.png" alt="case {pair}">'
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>Evaluation</title><style>{_STYLE}</style>"
        + "\n".join(body)
        + "</html>\n"
    )


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
