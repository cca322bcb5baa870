"""Charts of a report, as SVG that stands in its page."""

import html
import math
from collections.abc import Sequence

from ffa_keras.evaluation.measures import Metric
from ffa_keras.evaluation.rendering import number
from ffa_keras.evaluation.results import ALL, Report

_WIDTH, _ROW, _LABEL, _VALUE = 740, 22, 310, 60
_INK, _SOFT, _MARK = "#1c3d5a", "#9db4c8", "#c0392b"
_CURVE, _MARGIN = 240, 44


def metric_chart(report: Report, metric: Metric) -> str:
    """Draw a mean and its interval for each system, and for each group.

    Args:
        report: of `summarise`; the groups are those of its first system.
        metric: which; finite for one row at least, else nothing is drawn.
    """
    first = next(iter(report.systems))
    rows = [
        (name, system.groups[ALL][metric.name], name == first)
        for name, system in report.systems.items()
    ]
    rows += [
        (f"{first}, {group}", estimates[metric.name], True)
        for group, estimates in report.systems[first].groups.items()
        if group != ALL
    ]
    ends = [
        value
        for _, e, _ in rows
        for value in (e.mean, e.low, e.high)
        if math.isfinite(value)
    ]
    if not ends:
        return ""
    low, high = min(0.0, *ends), max(ends)
    # From 0, unless that would hide the differences.
    if min(ends) > 0.5 * high:
        low = min(ends) - 0.25 * (high - min(ends) or high)
    span = high - low or 1.0
    width = _WIDTH - _LABEL - _VALUE

    def at(value: float) -> float:
        return _LABEL + width * (value - low) / span

    lines = []
    for row, (label, estimate, ours) in enumerate(rows):
        middle, colour = _ROW * row + _ROW / 2, _MARK if ours else _INK
        lines.append(_text(_LABEL - 12, middle + 4, label, "end"))
        if not math.isfinite(estimate.mean):
            lines.append(_text(_LABEL + 4, middle + 4, "none", "start"))
            continue
        if math.isfinite(estimate.low):
            lines.append(
                f'<path d="M{at(estimate.low):.1f},{middle}'
                f'H{at(estimate.high):.1f}" stroke="{colour}"/>'
            )
        lines.append(
            f'<circle cx="{at(estimate.mean):.1f}" cy="{middle}" r="4"'
            f' fill="{colour}"/>'
        )
        value = number(estimate.mean, metric)
        lines.append(_text(_WIDTH, middle + 4, value, "end"))
    # The axis, with its ends.
    bottom = _ROW * len(rows) + 4
    lines.append(
        f'<path d="M{_LABEL},{bottom}H{_LABEL + width}" stroke="{_SOFT}"/>'
    )
    for end, anchor in ((low, "start"), (high, "end")):
        text = number(end, metric)
        lines.append(_text(at(end), bottom + 16, text, anchor))
    better = {1: ", higher is better", -1: ", lower is better", 0: ""}
    return _figure(
        metric.label + better[metric.best], _WIDTH, bottom + 22, lines
    )


def froc_chart(name: str, curve: Sequence[tuple[float, float]]) -> str:
    """Draw the share found, 0 to 1, over what is invented.

    Args:
        name: of what is found.
        curve: invented an image, growing, and the share found.
    """
    most, side = curve[-1][0], _CURVE

    def at(x: float, y: float) -> str:
        return f"{_MARGIN + side * x / most:.1f},{8 + side * (1 - y):.1f}"

    lines = [
        f'<rect x="{_MARGIN}" y="8" width="{side}" height="{side}"'
        f' fill="none" stroke="{_SOFT}"/>'
    ]
    for share in (0.0, 0.5, 1.0):
        y, x = 8 + side * (1 - share), _MARGIN + side * share
        lines.append(_text(_MARGIN - 6, y + 4, f"{share:g}", "end"))
        lines.append(_text(x, side + 24, f"{most * share:g}", "middle"))
    path = " ".join(at(x, y) for x, y in curve)
    left, top = _MARGIN + side + 12, 24
    lines += [
        f'<polyline points="{path}" fill="none" stroke="{_MARK}"'
        ' stroke-width="2"/>',
        f'<path d="M{left},{top - 4}h20" stroke="{_MARK}" stroke-width="2"/>',
        _text(left + 26, top, name, "start"),
        _text(_MARGIN + side / 2, side + 42, "invented an image", "middle"),
    ]
    width, height = _MARGIN + side + 240, side + 50
    return _figure(f"FROC of {name}: share found", width, height, lines)


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{html.escape(text)}</text>"
    )


def _figure(
    caption: str, width: float, height: float, lines: Sequence[str]
) -> str:
    return (
        f"<figure><figcaption>{html.escape(caption)}</figcaption>"
        f'<svg viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img">{"".join(lines)}</svg></figure>'
    )
