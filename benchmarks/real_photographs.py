r"""How good are answers to real photographs? Eye by eye, beside what is cheap.

    python -m benchmarks.real_photographs --pairs=PAIRS [--work=DIR]

Answers of the released generator are set beside pictures made of the green
channel, the mean FFA of the other eyes, and a second real FFA where an eye has
one: no generator can be asked for more. Averaged answers are those of
`--average_flips`. Pairs are registered by their vessels; red-free photographs
count for the second FFA only. "Exposure fitted" gives each picture the gain and
the offset of least squares to the real FFA first, which no photograph tells.
With `--work`, generators are trained by `flagfiles/adapt.cfg` on the pairs of
all eyes but the judged one, from the released generator and from scratch; what
is in the folder already is used.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from benchmarks.harness import show_table
from benchmarks.leave_one_out import trained_without
from benchmarks.real_pairs import Pair, read_pairs
from ffa_keras import cli
from ffa_keras.evaluation.baselines import MeanTrainingFfa, inverted_green
from ffa_keras.evaluation.classical import equalised_green, flattened_green
from ffa_keras.evaluation.measures import MEASURES, Eye
from ffa_keras.evaluation.measures.exposure import fit_exposure
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.images.files import write_png
from ffa_keras.ops import ssim
from ffa_keras.registration import register_pair
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.flips import over_flips
from ffa_keras.translation.forms import load_translator

_PAIRS = flags.DEFINE_string(
    "pairs", "../shared/data/pairs_landmarked", "Folder with pairs.csv."
)
_MODEL = flags.DEFINE_string("model", "pretrained", "The generator.")
_SCALES = flags.DEFINE_bool(
    "scales", False, "Also judge the model on photographs of .25 to 2 times."
)

_WORK = flags.DEFINE_string(
    "work", "", "Folder for datasets and runs; empty trains none."
)
_WATCHED = flags.DEFINE_string(
    "watched", "eye_g", "The eye of the validation, which no run trains on."
)
_ADAPTED_SEEDS = flags.DEFINE_multi_integer(
    "adapted_seed", [0], "Of the adapted generators."
)
_LPIPS = flags.DEFINE_string(
    "lpips_weights", "", "Weights of LPIPS; empty leaves it out."
)
_PICTURES = flags.DEFINE_string("pictures", "", "Folder for the answers.")

# A row's name, with the picture in the frame of the photograph, and scores.
_Answer = tuple[str, np.ndarray]
_Scores = tuple[str, dict[str, float]]
# Metrics that are printed, by the names they have in `report.json`.
_FIGURES = {
    "vessel_auc": "Vessel AUC by local contrast, within 0.5 % of the field",
    "vessel_cldice": "Vessel clDice, likewise",
    "ssim_valid": "SSIM, valid area",
    "ssim_fitted": "SSIM, valid area, exposure fitted",
    "lpips": "LPIPS (AlexNet), valid area: lower is better",
    "lpips_fitted": "LPIPS likewise, exposure fitted",
    "psnr_fitted": "PSNR after gain and offset are fitted (dB)",
    "level": "Mean grey level, less that of the real FFA",
    "contrast": "Contrast within a window of SSIM, in that of the real FFA",
    "leak_invented": "Broad leaks invented",
    "dots_invented": "Dots invented",
}


def _judge(
    pair: Pair, answers: Iterable[_Answer], lpips: Lpips | None
) -> Iterator[_Scores]:
    """Yield the name of each answer with what it scores."""
    inside = pair.aligned.valid_mask[..., None]
    eye = Eye(pair.aligned.fundus, pair.aligned.ffa, inside)
    compare = [measure.of(eye) for measure in MEASURES]
    for name, answer in answers:
        moved = pair.result.warp(answer)[0].reshape(inside.shape)
        scores: dict[str, float] = {}
        for measure in compare:
            scores |= measure(moved)
        real = pair.aligned.ffa
        level, contrast = _exposure(moved, inside)
        true_level, true_contrast = _exposure(real, inside)
        scores["level"] = level - true_level
        scores["contrast"] = contrast / true_contrast
        fitted = fit_exposure(real, moved, inside).clip(0, 255)
        scores["ssim_fitted"] = float(
            ssim(*(x[None] for x in (real, fitted, inside)))[0]
        )
        if lpips:
            scores["lpips"] = lpips(real, moved, inside)
            scores["lpips_fitted"] = lpips(
                real, np.rint(fitted).astype(np.uint8), inside
            )
        if _PICTURES.value:
            folder = Path(_PICTURES.value)
            folder.mkdir(parents=True, exist_ok=True)
            write_png(folder / f"{pair.name}, {name}.png", moved)
        yield name, scores


def _exposure(image: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Return the mean grey level, and the deviation within 11 pixels."""
    grey = image[..., 0].astype(np.float64)
    mean, square = (cv2.GaussianBlur(x, (11, 11), 1.5) for x in (grey, grey**2))
    spread = np.sqrt(np.maximum(square - mean**2, 0))
    where = inside[..., 0] > 0
    return float(grey[where].mean()), float(spread[where].mean())


def _second_ffa(pair: Pair, pairs: list[Pair]) -> np.ndarray | None:
    """Return another FFA of the eye in the photograph's frame, if any."""
    for other in pairs:
        if other.eye != pair.eye or np.array_equal(other.ffa, pair.ffa):
            continue
        result = register_pair(pair.fundus, other.ffa)
        if result.accepted:
            height, width = pair.fundus.shape[:2]
            back = cv2.warpPerspective(
                other.ffa,
                result.matrix,
                (width, height),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            )
            return np.asarray(back, np.uint8)[..., None]
    return None


def _mean_ffa(pair: Pair, pairs: list[Pair]) -> np.ndarray:
    mean = MeanTrainingFfa()
    for other in pairs:
        if other.eye != pair.eye and other.colour:
            mean.add(other.aligned.ffa)
    return mean(pair.fundus)


def _answers(
    pair: Pair,
    pairs: list[Pair],
    model: Translator,
    models: dict[str, Translator],
) -> Iterator[_Answer]:
    """Yield every answer to a photograph, by the name of its row."""
    yield "inverted green", inverted_green(pair.fundus)
    yield "CLAHE of green", equalised_green(pair.fundus)
    yield "flattened green", flattened_green(pair.fundus)
    yield "mean FFA of other eyes", _mean_ffa(pair, pairs)
    second = _second_ffa(pair, pairs)
    if second is not None:
        yield "second real FFA", second
    yield "zero-shot", model(pair.fundus)
    yield "zero-shot, averaged", over_flips(model)(pair.fundus)
    for scale in (0.25, 0.5, 2.0) if _SCALES.value else ():
        height, width = pair.fundus.shape[:2]
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        size = round(width * scale), round(height * scale)
        answer = model(cv2.resize(pair.fundus, size, interpolation=how))
        back = cv2.resize(answer[..., 0], (width, height),
                          interpolation=cv2.INTER_CUBIC)  # fmt: skip
        yield f"zero-shot, {scale:g} times the pixels", back[..., None]
    for name, trained in models.items():
        yield name, trained(pair.fundus)
        yield f"{name}, averaged", over_flips(trained)(pair.fundus)


def _trained(eye: str) -> dict[str, Translator]:
    """Return what was trained without an eye, by the name of its row."""
    if not _WORK.value:
        return {}
    starts = {
        f"adapted, seed {seed}": ("pretrained", seed)
        for seed in _ADAPTED_SEEDS.value
    }
    starts["from scratch"] = ("", 0)
    places = Path(_PAIRS.value), Path(_WORK.value)
    return {
        name: load_translator(
            trained_without(eye, *places, init, seed, _WATCHED.value)
        )
        for name, (init, seed) in starts.items()
    }


def _print(
    figure: str,
    eyes: list[str],
    table: dict[str, dict[str, list[dict[str, float]]]],
) -> None:
    def row_of(row: str, of_eyes: dict[str, list[dict[str, float]]]) -> tuple:
        values = np.array(
            [
                np.mean([f[figure] for f in of_eyes.get(e, [])] or [np.nan])
                for e in eyes
            ]
        )
        texts = ["" if np.isnan(v) else f"{v:.3f}" for v in values]
        mean = "" if np.isnan(values).any() else f"{np.mean(values):.3f}"
        return row, *texts, mean

    print(f"{_FIGURES[figure]}\n")
    rows = (row_of(row, of_eyes) for row, of_eyes in table.items())
    show_table(("", *eyes, "mean"), rows, figure)


def main() -> None:
    """Judge every answer and print a table for each figure."""
    pairs = read_pairs(Path(_PAIRS.value))
    model = load_translator(_MODEL.value)
    lpips = Lpips(_LPIPS.value) if _LPIPS.value else None
    eyes = sorted({pair.eye for pair in pairs if pair.colour})
    table: dict[str, dict[str, list[dict[str, float]]]] = {}
    for eye in eyes:
        models = _trained(eye)
        for pair in pairs:
            if pair.eye != eye:
                continue
            answers = _answers(pair, pairs, model, models)
            for row, scores in _judge(pair, answers, lpips):
                of_eyes = table.setdefault(row, {})
                of_eyes.setdefault(eye, []).append(scores)
    for figure in _FIGURES:
        if lpips or not figure.startswith("lpips"):
            _print(figure, eyes, table)


if __name__ == "__main__":
    cli.run(main)
