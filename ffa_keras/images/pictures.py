"""Pictures that show a case: images, difference and saliency side by side."""

from collections.abc import Sequence

import cv2
import numpy as np

from ffa_keras.ops import picture_saliency

_TITLE_HEIGHT = 22
_GAP = 4
_JPEG_QUALITY = 88
# Saliency and differences of this many grey levels use the full colour range.
_SALIENCY_RANGE = 60.0
_DIFFERENCE_RANGE = 128.0


def case_panel(
    fundus: np.ndarray,
    real: np.ndarray,
    fake: np.ndarray,
    mask: np.ndarray | None = None,
    drawn: Sequence[np.ndarray] = (),
) -> np.ndarray:
    """Draw a case as one row of titled tiles.

    Fundus, real FFA, generated FFA, their absolute difference and the saliency
    maps of both, as in Figures 3 and 5 of the paper.

    Args:
        fundus: uint8 [H, W, 3], RGB.
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].
        mask: bool [H, W, 1]; difference and saliency are black outside.
        drawn: real and generated FFA with something drawn into them, uint8
            [H, W, 1 or 3], to be shown in their place.

    Returns:
        uint8 [H + title, W', 3], RGB.
    """
    shown = [
        image if image.shape[-1] == 3 else to_rgb(image)
        for image in (drawn or (real, fake))
    ]
    tiles = {
        "fundus": fundus,
        "real FFA": shown[0],
        "generated FFA": shown[1],
        "difference": difference_picture(real, fake),
        "saliency, real": saliency_picture(real),
        "saliency, generated": saliency_picture(fake),
    }
    if mask is not None:
        for name in ("difference", "saliency, real", "saliency, generated"):
            tiles[name] = np.where(mask, tiles[name], np.uint8(0))
    return picture_row(tiles)


def picture_row(tiles: dict[str, np.ndarray]) -> np.ndarray:
    """Set tiles of one height side by side under their titles.

    Args:
        tiles: uint8 [H, W, 3] RGB by title.

    Returns:
        uint8 [H + title, W', 3], RGB on white.
    """
    columns = []
    for title, tile in tiles.items():
        band = np.full((_TITLE_HEIGHT, tile.shape[1], 3), 255, np.uint8)
        scale = min(0.45, tile.shape[1] / (len(title) * 20))
        cv2.putText(
            band, title, (2, 15), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0),
            1, cv2.LINE_AA,
        )  # fmt: skip
        columns += [np.vstack([band, tile])]
        columns += [np.full((len(columns[-1]), _GAP, 3), 255, np.uint8)]
    return np.hstack(columns[:-1])


def in_two_rows(row: np.ndarray) -> np.ndarray:
    """Break a row of an even number of tiles, all of one width, in two.

    Args:
        row: uint8 [H, W, 3], of `picture_row`.

    Returns:
        uint8 [H', W', 3], the second half below the first.
    """
    second = (row.shape[1] + _GAP) // 2
    return stack_rows([row[:, : second - _GAP], row[:, second:]])


def difference_picture(real: np.ndarray, fake: np.ndarray) -> np.ndarray:
    """Draw how far two FFA images are apart, white from 128 grey levels.

    Args:
        real: uint8 [H, W, 1].
        fake: uint8 [H, W, 1].

    Returns:
        uint8 [H, W, 3], RGB.
    """
    difference = np.abs(real.astype(np.int16) - fake)[..., 0]
    return to_rgb(_stretch(difference, 0, _DIFFERENCE_RANGE))


def saliency_picture(ffa: np.ndarray) -> np.ndarray:
    """Colour the saliency map of an FFA image, warm where it stands out.

    Args:
        ffa: uint8 [H, W, 1].

    Returns:
        uint8 [H, W, 3], RGB: blue from -30 grey levels, red from +30.
    """
    half = _SALIENCY_RANGE / 2
    grey = _stretch(picture_saliency(ffa)[..., 0], -half, half)
    return cv2.applyColorMap(grey, cv2.COLORMAP_JET)[..., ::-1]


def stack_rows(rows: Sequence[np.ndarray], gap: int = 6) -> np.ndarray:
    """Set pictures of any width below each other, flush left on white.

    Args:
        rows: uint8 [H, W, 3].
        gap: white pixels below each.

    Returns:
        uint8 [H', W', 3], as wide as the widest.
    """
    width = max(row.shape[1] for row in rows)
    return np.vstack(
        [
            np.pad(
                row,
                ((0, gap), (0, width - row.shape[1]), (0, 0)),
                constant_values=255,
            )
            for row in rows
        ]
    )


def shrink(image: np.ndarray, width: int) -> np.ndarray:
    """Return a picture, at most so wide, in its own proportions.

    Args:
        image: uint8 [H, W, C]; returned as it is if it is narrow enough.
        width: pixels.
    """
    if image.shape[1] <= width:
        return image
    size = (width, round(image.shape[0] * width / image.shape[1]))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small.reshape(size[1], size[0], -1)


def encode_jpeg(rgb: np.ndarray) -> bytes:
    """Return a picture, uint8 [H, W, 3] RGB, as the bytes of a JPEG file."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    _, jpeg = cv2.imencode(
        ".jpg", np.ascontiguousarray(rgb[..., ::-1]), quality
    )
    return jpeg.tobytes()


def to_rgb(grey: np.ndarray) -> np.ndarray:
    """Repeat a grey picture [H, W] or [H, W, 1] as RGB [H, W, 3]."""
    return np.repeat(grey.reshape(*grey.shape[:2], 1), 3, axis=2)


def _stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    share = (values.astype(np.float32) - low) / (high - low)
    return np.round(255 * share.clip(0, 1)).astype(np.uint8)
