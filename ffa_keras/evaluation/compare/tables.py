"""The comparison as Markdown, LaTeX and CSV."""

import csv
import io
from typing import Any

from ffa_keras.evaluation.report import (
    INTERVALS,
    METRICS,
    NOTICE,
    SECTIONS,
    markdown_table,
    number,
    section_rows,
)

_PAIRED = (
    "Difference from `proposed`, mean over images; in brackets the 95 %"
    " interval from resampling patients; p of the sign-flip test over"
    " patients, adjusted for the number of rivals (Holm)."
)
_IN_LATEX = (
    "psnr_valid",
    "ssim_valid",
    "ms_ssim_valid",
    "l1_valid",
    "vessel_cldice",
    "leak_dice",
)
_ESCAPED = str.maketrans({"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#"})


def to_markdown(report: dict[str, Any]) -> str:
    """Return all tables, the paired tests and the categories.

    Args:
        report: of `summarise`, with `paired`: differences by rival and metric.
    """
    lines = ["# Comparison", "", f"**{NOTICE}**", ""]
    lines += [
        f"- {key}: {value}"
        for key, value in report["facts"].items()
        if key not in ("notice", "methods")
    ]
    lines += ["", INTERVALS]
    answers = report["answers"]
    for section in SECTIONS:
        rows = section_rows(answers, "all", section)
        lines += ["", f"## {section}", "", *markdown_table(rows)]
    if report["paired"]:
        lines += ["", "## Against the proposed system", "", _PAIRED]
        lines += ["", *markdown_table(_paired_rows(report["paired"]))]
    groups = [g for g in next(iter(answers.values()))["groups"] if g != "all"]
    for group in groups:
        lines += ["", f"## {group.replace('_', ' ').capitalize()}"]
        for section in ("Summary", "Leakage"):
            rows = section_rows(answers, group, section)
            lines += ["", *markdown_table(rows)]
    return "\n".join(lines) + "\n"


def to_latex(report: dict[str, Any]) -> str:
    """Return a `booktabs` table as the paper's Tables 1 and 2, best in bold.

    Args:
        report: of `summarise`.
    """
    answers = report["answers"]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{tabular}{l" + "r" * len(_IN_LATEX) + "}",
        r"\toprule",
        _latex_row(["Method", *(METRICS[m].label for m in _IN_LATEX)]),
        r"\midrule",
    ]
    best = {metric: _best(answers, metric) for metric in _IN_LATEX}
    for name, answer in answers.items():
        cells = [name.translate(_ESCAPED)]
        for metric in _IN_LATEX:
            figure = answer["groups"]["all"][metric]
            text = number(figure["mean"], metric)
            if figure["mean"] is not None and figure["mean"] == best[metric]:
                text = rf"\textbf{{{text}}}"
            if figure["low"] is not None:
                low, high = (number(figure[k], metric) for k in ("low", "high"))
                text += rf" {{\scriptsize [{low}, {high}]}}"
            cells.append(text)
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def to_csv(report: dict[str, Any]) -> str:
    """Return every figure, one a line.

    Args:
        report: of `summarise`, with `paired`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    paired_names = ("difference", "difference_low", "difference_high", "p")
    writer.writerow(
        ["method", "group", "metric", "mean", "low", "high", "n", *paired_names]
    )
    for name, answer in report["answers"].items():
        for group, figures in answer["groups"].items():
            for metric, figure in figures.items():
                paired = {}
                if group == "all":
                    paired = report["paired"].get(name, {}).get(metric, {})
                writer.writerow(
                    [name, group, metric]
                    + [figure[k] for k in ("mean", "low", "high", "n")]
                    + [paired.get(k) for k in ("mean", "low", "high", "p")]
                )
    return text.getvalue()


def _paired_rows(paired: dict[str, Any]) -> list[list[str]]:
    shown = [metric for metric in _IN_LATEX if metric != "ms_ssim_valid"]
    rows = [["", *(METRICS[metric].label for metric in shown)]]
    for method, figures in paired.items():
        rows.append([method, *(_difference(figures[m], m) for m in shown)])
    return rows


def _difference(figure: dict[str, Any], metric: str) -> str:
    if figure["mean"] is None:
        return "none"
    digits = METRICS[metric].digits
    text = f"{figure['mean']:+.{digits}f}"
    if figure["low"] is None:
        return text
    text += f" ({figure['low']:+.{digits}f} to {figure['high']:+.{digits}f})"
    return f"{text}, p = {figure['p']:.3f}"


def _best(answers: dict[str, Any], metric: str) -> float | None:
    means = [a["groups"]["all"][metric]["mean"] for a in answers.values()]
    present = [mean for mean in means if mean is not None]
    if not present:
        return None
    return max(present) if METRICS[metric].best > 0 else min(present)


def _latex_row(cells: list[str]) -> str:
    return " & ".join(text.translate(_ESCAPED) for text in cells) + r" \\"
