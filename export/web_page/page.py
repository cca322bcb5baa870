"""Build the page: texts, scripts, engine, generator and card in one file."""

import base64
import gzip
import hashlib
import html
import json
import re
import string
from pathlib import Path
from typing import Any

from ffa_keras import __version__
from ffa_keras.errors import InputError
from ffa_keras.files import write_text
from ffa_keras.images.pictures import encode_jpeg
from ffa_keras.inference import plausibility
from ffa_keras.inference.label import LABEL, text_chunks
from ffa_keras.phantom import make_pair
from ffa_keras.sums import check_sums
from ffa_keras.translation.answers import MOST_PIXELS_WHOLE
from ffa_keras.translation.forms import fingerprint
from ffa_keras.translation.places import PRETRAINED, locate
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.scale import LEAST_SCALE, MOST_SCALE, SMALLEST_SIDE
from ffa_keras.translation.whole import trained_diameter

from .stages import describe

# Of the widest layer: a browser gives a page two gigabytes.
_MOST_VALUES = 2**25

_PAGE = Path(__file__).parent / "page"
_TFJS = Path(__file__).parent / "tfjs"
_ENGINE = ("tf-core.es2017.min.js", "tf-backend-wasm.es2017.min.js")
_BINARY = "tfjs-backend-wasm-simd.wasm"
_SCRIPTS = ("raster.js", "retina.js", "generator.js", "page.js")
# The eye of the page's example.
_SEED, _CATEGORY, _SIDE = 7, "large_focal", 512


def export_web_page(
    run_dir: str | Path, output: str | Path, texts: str | Path = ""
) -> Path:
    """Write a page that holds a generator, whole or not at all.

    Args:
        run_dir: folder of the run, `"pretrained"`, or a `.keras` file.
        output: file to write or replace, ending in `.html`.
        texts: JSON file of the page's texts; the English ones if empty.

    Returns:
        The page.

    Raises:
        InputError: the run is not there, its generator is none that a page
            can run, `output` is no `.html`, or `texts` lacks one.
    """
    output = Path(output)
    if output.suffix != ".html" or output.is_dir():
        raise InputError(f"--output={output}: name a file ending in .html")
    words = _texts(texts)
    check_sums(_TFJS)
    generator = load_generator(run_dir)
    stages, weights = describe(generator)
    example = make_pair(_SEED, _CATEGORY, _SIDE)
    label = {**LABEL, "Model": fingerprint(run_dir)}
    settings = {
        "stages": stages,
        "weights": _packed(weights),
        "engine": _packed((_TFJS / _BINARY).read_bytes()),
        "example": _base64(encode_jpeg(example.fundus)),
        "label": _base64(text_chunks(label)),
        "field_diameter": trained_diameter(generator),
        "least_scale": LEAST_SCALE,
        "most_scale": MOST_SCALE,
        "smallest_side": SMALLEST_SIDE,
        "most_pixels": MOST_PIXELS_WHOLE,
        "most_translated": min(
            MOST_PIXELS_WHOLE, _MOST_VALUES // generator.num_filters
        ),
        "plausibility": {
            "references": plausibility.REFERENCES,
            "spreads": plausibility.SPREADS,
            "usual": plausibility.USUAL_SCORE,
            "largest": plausibility.LARGEST_SCORE,
            "leastSaturation": plausibility.LEAST_SATURATION,
        },
        "texts": words,
    }
    write_text(output, _page(settings, words, run_dir))
    return output


def known_limits(run_dir: str | Path) -> list[str]:
    """Return what is known of how often a generator misses and invents.

    Args:
        run_dir: as of `export_web_page`.

    Returns:
        Paragraphs of the released generator's card, or the measures of leakage
        from the card of the run's evaluation; empty where it was never judged.
    """
    folder = locate(run_dir)
    if str(run_dir) == PRETRAINED:
        card = (folder / "card.md").read_text(encoding="utf-8")
        first = card.split("**")[1]
        section = card.split("\n## What it does not do\n")[1].split("\n## ")[0]
        plain = re.sub(r"[*`]", "", f"{first}\n\n{section}")
        return [" ".join(part.split()) for part in plain.strip().split("\n\n")]
    card_file = folder / "evaluation" / "model_card.md"
    card = card_file.read_text("utf-8") if card_file.is_file() else ""
    table = card.partition("### Leakage\n")[2]
    if not table:
        return []
    # An evaluation of another generator, or of other eyes, says nothing here.
    facts = {f"- fingerprint: {fingerprint(run_dir)}", "- split: test"}
    if not facts <= {*card.splitlines()}:
        return []
    names, _, scores = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.strip().splitlines()[:3]
    )
    pairs = zip(names[1:], scores[1:], strict=True)
    return [f"{name}: {score}" for name, score in pairs]


def _page(
    settings: dict[str, Any], words: dict[str, str], run_dir: str | Path
) -> str:
    style = (_PAGE / "style.css").read_text(encoding="utf-8")
    engine = [_TFJS / name for name in _ENGINE]
    scripts = [_PAGE / name for name in _SCRIPTS]
    data = f"const SETTINGS = {_literal(settings)};\n"
    script = "\n".join(
        [
            *(file.read_text(encoding="utf-8") for file in engine),
            data,
            *(file.read_text(encoding="utf-8") for file in scripts),
        ]
    )
    # What could fetch or send anything is forbidden; of scripts and styles
    # only these run.
    policy = (
        "default-src 'none'; connect-src 'none'; form-action 'none';"
        f" base-uri 'none'; script-src {_hash(script)} 'wasm-unsafe-eval';"
        f" style-src {_hash(style)}"
    )
    limits = known_limits(run_dir) or [words["not_judged"]]
    template = string.Template((_PAGE / "page.html").read_text("utf-8"))
    return template.substitute(
        {key: html.escape(text) for key, text in words.items()},
        policy=policy,
        style=style,
        script=script,
        limits="".join(f"<p>{html.escape(text)}</p>" for text in limits),
        model=html.escape(fingerprint(run_dir)),
        version=__version__,
        notices=(_TFJS / "NOTICE.txt").read_text(encoding="utf-8"),
    )


def _texts(file: str | Path) -> dict[str, str]:
    english = json.loads((_PAGE / "texts.json").read_text("utf-8"))
    if not file:
        return english
    try:
        texts = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"--texts={file}: no JSON file ({error})") from error
    given = texts if isinstance(texts, dict) else {}
    for key, text in english.items():
        places = set(re.findall(r"{\w+}", text))
        if places != set(re.findall(r"{\w+}", str(given.get(key, "{}{no}")))):
            raise InputError(
                f"--texts={file}: {key!r} is missing or lacks one of"
                f" {sorted(places)}; translate every text of texts.json"
            )
    return {key: str(given[key]) for key in english}


def _packed(content: bytes) -> str:
    return _base64(gzip.compress(content, mtime=0))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _literal(value: object) -> str:
    """Return a value as a literal that cannot end the script."""
    return json.dumps(value).replace("<", "\\u003c")


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{_base64(digest)}'"
