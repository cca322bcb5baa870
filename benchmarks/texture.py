r"""Where do dots and dashes in answers come from? One change at a time.

    python -m benchmarks.texture --pairs=PAIRS [--model=RUN ...]

Dots are the bright dots of an answer that its angiogram has not. Gaps are
counted along the middle of the real angiogram's wide vessels: the share of it
where the answer's own ridge falls below a quarter of its median there, after
the local search of 3 pixels that all vessels are judged by. Photographs are
changed before they are translated; real angiograms and the flattened green
channel say what is none of a network's doing; averaged answers are those of
`--average_flips`. Medians over eyes.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from absl import flags
from skimage.morphology import skeletonize

from benchmarks.harness import figure, show_table
from benchmarks.real_pairs import Pair, read_pairs
from ffa_keras import cli
from ffa_keras.evaluation.classical import flattened_green
from ffa_keras.evaluation.measures import MEASURES, Eye
from ffa_keras.evaluation.measures.vessels import aligned_ridges, vessel_map
from ffa_keras.translation.answers import Translator
from ffa_keras.translation.flips import over_flips
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.scale import field_diameter, scaled

_PAIRS = flags.DEFINE_string(
    "pairs", "../shared/data/pairs_landmarked", "Folder with pairs.csv."
)
_MODELS = flags.DEFINE_multi_string(
    "model", ["pretrained"], "Generators; the first is given every change."
)

# Of a vessel in the working frame, where a field is 560 pixels wide.
_WIDE = 2.5
_GAP = 0.25
# Fields that a photograph is brought to before the generator brings it to its
# own: what is finer than that is lost, as by a camera with fewer pixels.
_FIELDS = (256, 374)


def _smoothed(fundus: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(fundus, (0, 0), field_diameter(fundus) / 512)


def _denoised(fundus: np.ndarray) -> np.ndarray:
    return cv2.fastNlMeansDenoisingColored(fundus, None, 4, 4)


def _noisy(fundus: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 5, fundus.shape)
    return (fundus + noise).clip(0, 255).astype(np.uint8)


def _compressed(fundus: np.ndarray) -> np.ndarray:
    _, file = cv2.imencode(".jpg", fundus, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))


def _coarse(diameter: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda fundus: scaled(fundus, diameter / field_diameter(fundus))


_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "smoothed by a pixel of 512": _smoothed,
    "noise taken out (non-local means)": _denoised,
    "noise of 5 grey levels added": _noisy,
    "JPEG of quality 30": _compressed,
    **{f"field of {side} pixels": _coarse(side) for side in _FIELDS},
}


def _gaps(real: np.ndarray, answer: np.ndarray, inside: np.ndarray) -> float:
    """Return the share of wide vessels' middle lines that is interrupted."""
    truth, ours = vessel_map(real, inside), vessel_map(answer, inside)
    if truth is None or ours is None:
        return float("nan")
    width = cv2.distanceTransform(truth.vessels.astype(np.uint8), 2, 3)
    middle = skeletonize(truth.vessels) & (width >= _WIDE)
    ridges = aligned_ridges(truth, ours)[middle]
    return float(np.mean(ridges < _GAP * np.median(ridges)))


def _answers(pair: Pair, models: dict[str, Translator]) -> Iterator[tuple]:
    yield "flattened green channel", flattened_green(pair.fundus)
    for name, model in models.items():
        yield name, model(pair.fundus)
        yield f"{name}, averaged", over_flips(model)(pair.fundus)
    first = next(iter(models.values()))
    height, width = pair.fundus.shape[:2]
    for name, change in _CHANGES.items():
        answer = first(change(pair.fundus))[..., 0]
        back = cv2.resize(
            answer, (width, height), interpolation=cv2.INTER_CUBIC
        )
        yield name, back[..., None]


def _judge(pair: Pair, answer: np.ndarray) -> tuple[float, ...]:
    """Return dots, gaps and vessel AUC of an answer in the FFA's frame."""
    inside = pair.aligned.valid_mask
    eye = Eye(pair.aligned.fundus, pair.aligned.ffa, inside[..., None])
    scores: dict[str, float] = {}
    for measure in MEASURES:
        if {"dots_invented", "vessel_auc"} & {m.name for m in measure.metrics}:
            scores |= measure.of(eye)(answer)
    gaps = _gaps(pair.aligned.ffa, answer, inside)
    return scores["dots_invented"], gaps, scores["vessel_auc"]


def main() -> None:
    """Print dots, gaps and vessels for every answer."""
    models = {Path(m).name: load_translator(m) for m in _MODELS.value}
    table: dict[str, dict[str, list[tuple[float, ...]]]] = {}
    for pair in read_pairs(Path(_PAIRS.value)):
        if not pair.colour:
            continue
        judged = [("real FFA", _judge(pair, pair.aligned.ffa))]
        for name, answer in _answers(pair, models):
            moved = pair.result.warp(answer)[0].reshape(pair.aligned.ffa.shape)
            judged.append((name, _judge(pair, moved)))
        for name, scores in judged:
            table.setdefault(name, {}).setdefault(pair.eye, []).append(scores)
    rows = []
    for name, eyes in table.items():
        medians = np.median([np.mean(s, axis=0) for s in eyes.values()], axis=0)
        rows.append((name, *map(figure, medians)))
    show_table(
        ("", "dots invented", "gaps in wide vessels", "vessel AUC"),
        rows,
        "texture",
    )


if __name__ == "__main__":
    cli.run(main)
