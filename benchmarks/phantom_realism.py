r"""How far phantoms look like real pictures: medians and spreads side by side.

    python -m benchmarks.phantom_realism --real=../shared/data

Everything is measured at a field of view of 480 pixels, so that cameras
compare. `inside` is the share of the real pictures that lie within the middle
95 % of the phantoms: near .95 where phantoms are as various as reality.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from absl import flags

from ffa_keras import cli
from ffa_keras.images.files import field_of_view, read_ffa, read_fundus
from ffa_keras.phantom import PhantomPair, make_pair

_REAL = flags.DEFINE_string(
    "real", "../shared/data", "Folder of the real pictures."
)
_COUNT = flags.DEFINE_integer("count", 40, "Phantoms to draw.", lower_bound=4)
_SHEET = flags.DEFINE_string(
    "sheet", "", "Also draw a contact sheet of phantoms into this PNG file."
)

_DIAMETER = 480
_CATEGORIES = ("normal", "optic_disc", "large_focal", "punctate_focal")
_PHOTOGRAPHS = (
    "pairs_landmarked/*_fundus.png",
    "pairs_other/*_fundus.jpg",
    "pairs_large/*_fundus.jpg",
    "drive/*_test.tif",
)
_ANGIOGRAMS = (
    "pairs_landmarked/*_ffa.png",
    "pairs_other/*_ffa.jpg",
    "pairs_large/*_ffa.jpg",
    "fa_only/*/*.jpg",
)


def photograph_figures(fundus: np.ndarray) -> dict[str, float]:
    """Measure a photograph.

    Args:
        fundus: uint8 [H, W, 3], RGB.
    """
    image, field = _scaled(fundus)
    inner = _eroded(field, 12)
    red, green, blue = (image[..., i] for i in range(3))
    middle = {n: float(np.median(c[inner])) for n, c in
              (("R", red), ("G", green), ("B", blue))}  # fmt: skip
    low = _low_pass(green, field, 30)[inner]
    fine = green - cv2.GaussianBlur(green, (0, 0), 1.0)
    contrast = _vessel_contrast(-green, green, field)
    band = cv2.GaussianBlur(green, (0, 0), 2) - cv2.GaussianBlur(
        green, (0, 0), 10
    )
    return {
        "field, share of the frame": float(field_share(fundus)),
        "red": middle["R"],
        "green": middle["G"],
        "blue": middle["B"],
        "red / green": middle["R"] / max(middle["G"], 1.0),
        "shading: sd / mean of smooth green": float(low.std() / low.mean()),
        "clipped red, % of the field": 100 * float((red[inner] >= 250).mean()),
        "finest detail, grey levels": _robust_sd(fine[_smooth(green, inner)]),
        "middle detail / green": float(band[inner].std() / low.mean()),
        "vessel contrast, 90th percentile": contrast[0],
        "vessel width, share of the field": contrast[1],
    }


def angiogram_figures(ffa: np.ndarray) -> dict[str, float]:
    """Measure an angiogram.

    Args:
        ffa: uint8 [H, W, 1].
    """
    image, field = _scaled(ffa)
    image = image.reshape(image.shape[:2])
    inner = _eroded(field, 12)
    low = np.maximum(_low_pass(image, field, 12), 4)
    around = image / low
    lens = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    opened = cv2.morphologyEx(image, cv2.MORPH_OPEN, lens)[inner]
    contrast = _vessel_contrast(image, image, field)
    return {
        "mean grey level": float(image[inner].mean()),
        "texture: sd / local mean": _robust_sd(
            around[_smooth(image, inner)] - 1
        ),
        "disc and leaks: opened 99.8th / median": float(
            np.percentile(opened, 99.8) / max(np.median(opened), 1.0)
        ),
        "darkest 1 % / median": float(
            np.percentile(image[inner], 1) / max(np.median(image[inner]), 1.0)
        ),
        "vessel contrast, 90th percentile": contrast[0],
        "vessel width, share of the field": contrast[1],
    }


def field_share(picture: np.ndarray) -> float:
    """Return the share of the frame that is retina.

    Args:
        picture: uint8 [H, W, C].
    """
    return float(field_of_view(picture).mean())


def _scaled(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return grey levels and field at the common diameter, float32 and bool."""
    field = field_of_view(picture)
    scale = _DIAMETER / np.sqrt(4 * field.sum() / np.pi)
    size = tuple(round(scale * side) for side in field.shape[::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(picture.astype(np.float32), size, interpolation=how)
    small = cv2.resize(field.astype(np.uint8), size) > 0
    return image, small


def _eroded(field: np.ndarray, margin: int) -> np.ndarray:
    framed = cv2.copyMakeBorder(
        field.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT
    )
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return depth > margin


def _low_pass(image: np.ndarray, field: np.ndarray, sigma: float) -> np.ndarray:
    weight = field.astype(np.float32)
    total = cv2.GaussianBlur(image * weight, (0, 0), sigma)
    return total / np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-3)


def _robust_sd(values: np.ndarray) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _smooth(image: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """Return the half of the field with the least edges."""
    steepness = np.hypot(
        *(cv2.Sobel(cv2.GaussianBlur(image, (0, 0), 2), -1, *d)
          for d in ((1, 0), (0, 1)))
    )  # fmt: skip
    return inner & (steepness < np.median(steepness[inner]))


def _vessel_contrast(
    bright: np.ndarray, image: np.ndarray, field: np.ndarray
) -> tuple[float, float]:
    """Return the contrast of the clearest vessels, and their median width.

    Vessels are the 8 % of the field with the strongest white top hat.
    """
    inner = _eroded(field, 12)
    lens = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    soft = cv2.GaussianBlur(bright, (0, 0), 1.0)
    hat = cv2.morphologyEx(soft, cv2.MORPH_TOPHAT, lens)
    relative = hat / np.maximum(_low_pass(image, field, 20), 4)
    vessels = inner & (relative > np.percentile(relative[inner], 92))
    depth = cv2.distanceTransform(vessels.astype(np.uint8), cv2.DIST_L2, 5)
    ridge = vessels & (depth == cv2.dilate(depth, np.ones((3, 3))))
    width = 2 * float(np.mean(depth[ridge & (depth > 1)])) / _DIAMETER
    return float(np.percentile(relative[vessels], 50)), width


def _measure_all(
    pictures: Iterable[np.ndarray],
    figures: Callable[[np.ndarray], dict[str, float]],
) -> dict[str, np.ndarray]:
    rows = [figures(picture) for picture in pictures]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _print(
    title: str, real: dict[str, np.ndarray], phantom: dict[str, np.ndarray]
) -> None:
    print(f"\n{title}: {len(next(iter(real.values())))} real,"
          f" {len(next(iter(phantom.values())))} phantoms")  # fmt: skip
    print(f"{'':40}{'real median [5, 95 %]':>28}{'phantoms':>28}"
          f"{'sd ratio':>10}{'inside':>8}")  # fmt: skip
    for name, values in real.items():
        drawn = phantom[name]
        low, high = np.percentile(drawn, (2.5, 97.5))
        inside = np.mean((values >= low) & (values <= high))
        texts = [
            "{:.3g} [{:.3g}, {:.3g}]".format(*np.percentile(v, (50, 5, 95)))
            for v in (values, drawn)
        ]
        ratio = drawn.std() / max(values.std(), 1e-9)
        print(f"{name:40}{texts[0]:>28}{texts[1]:>28}"
              f"{ratio:10.2f}{inside:8.2f}")  # fmt: skip


def _contact_sheet(pairs: list[PhantomPair]) -> np.ndarray:
    tiles = [
        np.hstack([pair.fundus, pair.ffa.repeat(3, axis=2)]) for pair in pairs
    ]
    rows = [np.hstack(tiles[i : i + 4]) for i in range(0, len(tiles) - 3, 4)]
    return np.vstack(rows)[..., ::-1]


def main() -> None:
    """Measure and print both tables."""
    folder = Path(_REAL.value)
    pairs = [
        make_pair(5000 + i, _CATEGORIES[i % 4], _DIAMETER, misalignment=0)
        for i in range(_COUNT.value)
    ]
    if _SHEET.value:
        cv2.imwrite(_SHEET.value, _contact_sheet(pairs[:24]))
    for title, patterns, read, drawn, figures in (
        ("Photographs", _PHOTOGRAPHS, read_fundus,
         [p.fundus for p in pairs], photograph_figures),
        ("Angiograms", _ANGIOGRAMS, read_ffa,
         [p.ffa for p in pairs], angiogram_figures),
    ):  # fmt: skip
        files = [f for p in patterns for f in sorted(folder.glob(p))]
        _print(
            title,
            _measure_all(map(read, files), figures),
            _measure_all(drawn, figures),
        )


if __name__ == "__main__":
    cli.run(main)
