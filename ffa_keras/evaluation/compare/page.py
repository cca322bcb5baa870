"""A page to leaf through the cases: one file, nothing from the network."""

import base64
import html
import json
import string
from typing import Any

import cv2
import numpy as np

from ffa_keras.data.pictures import (
    difference_picture,
    saliency_picture,
    to_rgb,
)
from ffa_keras.evaluation.judging import Case
from ffa_keras.evaluation.report import NOTICE, SECTIONS, STYLE, section_rows

# Wider frames are shrunk.
_WIDTH = 640
_QUALITY = 88


def comparison_page(
    report: dict[str, Any], cases: list[Case], methods: list[str]
) -> str:
    """Return an HTML page with every case and the tables.

    The real FFA lies under the answer of the chosen system; a slider uncovers
    it, and both can blink. Beside them fundus, difference and saliency. Arrow
    keys leaf through cases and systems.

    Args:
        report: of `summarise`.
        cases: that were judged.
        methods: whose answers are shown.
    """
    data = [
        {
            "title": f"{case.pair}, {case.category.replace('_', ' ')}",
            "fundus": _picture(case.fundus),
            "real": _picture(to_rgb(case.real)),
            "realSaliency": _picture(_masked(saliency_picture, case)),
            "answers": {name: _answer(case, name) for name in methods},
        }
        for case in cases
    ]
    tables = []
    for section in SECTIONS:
        header, *rows = section_rows(report["answers"], "all", section)
        tables.append(f"<h2>{section}</h2><table>{_row(header, 'th')}")
        tables += [_row(row, "td") for row in rows]
        tables.append("</table>")
    return _PAGE.substitute(
        style=STYLE,
        notice=NOTICE,
        data=json.dumps(data).replace("<", "\\u003c"),
        methods=json.dumps(methods),
        tables="".join(tables),
    )


def _answer(case: Case, name: str) -> dict[str, str]:
    fake = case.fakes[name]
    difference = difference_picture(case.real, fake)
    return {
        "image": _picture(to_rgb(fake)),
        "difference": _picture(np.where(case.mask, difference, np.uint8(0))),
        "saliency": _picture(
            np.where(case.mask, saliency_picture(fake), np.uint8(0))
        ),
    }


def _masked(draw, case: Case) -> np.ndarray:
    return np.where(case.mask, draw(case.real), np.uint8(0))


def _picture(rgb: np.ndarray) -> str:
    """Return a picture as a `data:` address."""
    if rgb.shape[1] > _WIDTH:
        size = (_WIDTH, round(rgb.shape[0] * _WIDTH / rgb.shape[1]))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    _, jpeg = cv2.imencode(
        ".jpg", np.ascontiguousarray(rgb[..., ::-1]), quality
    )
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _row(cells: list[str], tag: str) -> str:
    inner = "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in cells)
    return f"<tr>{inner}</tr>"


_PAGE = string.Template("""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Comparison</title>
<style>$style
.case{display:flex;flex-wrap:wrap;gap:1em}figure{margin:0}
figcaption{font-size:85%}.small img{width:240px;display:block}
#stack{position:relative;width:500px}#stack img{width:100%;display:block}
#fake{position:absolute;top:0;left:0}button,select{font:inherit}
</style>
<h1>Comparison</h1><p class="notice">$notice</p>
<p><button id="previous">&larr; case</button> <b id="title"></b>
<button id="next">case &rarr;</button>
<label>system <select id="method"></select></label>
<label><input type="checkbox" id="blink"> blink</label></p>
<div class="case">
<figure><div id="stack"><img id="real" alt="real FFA">
<img id="fake" alt="generated FFA"></div>
<input type="range" id="slider" min="0" max="100" value="50"
 style="width:500px" aria-label="share of the real FFA">
<figcaption>left of the slider the real FFA, right of it the generated one;
&uarr; and &darr; change the system</figcaption></figure>
<figure class="small"><img id="fundus" alt="fundus"><figcaption>fundus
</figcaption><img id="difference" alt="difference"><figcaption>difference
</figcaption></figure>
<figure class="small"><img id="realSaliency" alt="saliency of the real FFA">
<figcaption>saliency, real</figcaption><img id="saliency"
 alt="saliency of the generated FFA"><figcaption>saliency, generated
</figcaption></figure></div>
$tables
<script>
const cases = $data, methods = $methods;
const byId = (id) => document.getElementById(id);
let at = 0, shown = true;
for (const name of methods) byId("method").add(new Option(name));
function uncover() {
  const share = byId("blink").checked ? (shown ? 0 : 100)
                                      : byId("slider").value;
  byId("fake").style.clipPath = "inset(0 0 0 " + share + "%)";
}
function show() {
  const one = cases[at], answer = one.answers[byId("method").value];
  byId("title").textContent =
    (at + 1) + " of " + cases.length + ": " + one.title;
  for (const id of ["fundus", "real", "realSaliency"]) byId(id).src = one[id];
  byId("fake").src = answer.image;
  byId("difference").src = answer.difference;
  byId("saliency").src = answer.saliency;
  uncover();
}
function leaf(by) { at = (at + by + cases.length) % cases.length; show(); }
function change(by) {
  const list = byId("method"), n = methods.length;
  list.selectedIndex = (list.selectedIndex + by + n) % n;
  show();
}
byId("previous").onclick = () => leaf(-1);
byId("next").onclick = () => leaf(1);
byId("method").onchange = show;
byId("slider").oninput = uncover;
byId("blink").onchange = uncover;
setInterval(() => { shown = !shown; uncover(); }, 600);
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" || event.target.tagName === "SELECT")
    return;
  const act = {ArrowLeft: () => leaf(-1), ArrowRight: () => leaf(1),
               ArrowUp: () => change(-1), ArrowDown: () => change(1)};
  if (act[event.key]) { act[event.key](); event.preventDefault(); }
});
show();
</script></html>
""")
