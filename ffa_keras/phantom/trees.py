"""The fields of both vessel trees, drawn once for all pictures."""

import cv2
import numpy as np

from ffa_keras.phantom.anatomy import Anatomy, paint_tree
from ffa_keras.phantom.fields import blurred


def vessel_trees(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> dict[str, np.ndarray]:
    """Draw both trees once for all pictures.

    Args:
        rng: source of randomness.
        anatomy: the eye.
        size: pixels in the picture's side, the unit of length.
        canvas: side of the fields, pixels.

    Returns:
        float32 fields [canvas, canvas]: `artery` and `vein`, slightly soft and
        thinner where the vessel is; `reflex`, the light streak on the larger
        ones; `capillary`, too fine for the fundus; and `mask`, the exact
        coverage of both trees.
    """
    trees = {"vein": anatomy.veins, "artery": anatomy.arteries}
    exact = {n: paint_tree(t, size, canvas) for n, t in trees.items()}
    fields = {"mask": np.maximum(*exact.values())}
    for name, tree in trees.items():
        depth = paint_tree(tree, size, canvas, thinnest=0.22)
        fields[name] = blurred(depth, 0.0008, size, 0.3)
    large = [vessel for vessel in anatomy.arteries if vessel.radii[0] > 0.002]
    streak = paint_tree(large, size, canvas, width=0.32, thinnest=0.0)
    fields["reflex"] = blurred(streak, 0.0008, size, 0.3)
    fields["capillary"] = _capillaries(rng, anatomy, size, canvas)
    return fields


def _capillaries(
    rng: np.random.Generator, anatomy: Anatomy, size: int, canvas: int
) -> np.ndarray:
    """Paint short wisps, which point to the fovea when they are near it."""
    count, steps = 900, 9
    start = anatomy.fovea + rng.normal(0, 0.2, (count, 2))
    inwards = anatomy.fovea - start
    near = np.hypot(*inwards.T) < 0.13
    aim = np.arctan2(inwards[:, 1], inwards[:, 0])
    aim = np.where(near, aim, rng.uniform(0, 2 * np.pi, count))
    turns = rng.normal(0, 0.35, (count, steps))
    heading = aim[:, None] + np.cumsum(turns, axis=1) - turns[:, :1]
    stride = 0.006 * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    points = start[:, None] + np.cumsum(stride, axis=1)
    away = np.hypot(*np.moveaxis(points - anatomy.fovea, -1, 0)).min(axis=1)
    points = points[away > 0.035]
    picture = np.zeros((canvas, canvas), np.uint8)
    at = np.round((points * size + canvas / 2 - 0.5) * 16).astype(np.int32)
    cv2.polylines(picture, list(at), False, 255, 1, cv2.LINE_AA, 4)
    soft = blurred(picture, 0.0009, size)
    return soft.astype(np.float32) * (min(1.0, size / 512) / 255)
