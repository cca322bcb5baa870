"""Another real FFA of the same eye: no generator can be asked for more."""

import collections
import dataclasses
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ffa_keras.evaluation.baselines import SECOND
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.measures import Eye
from ffa_keras.images.files import decode_png
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.registration import register_pair
from ffa_keras.registration.retina import field_of_view

# Of the field, which the other one must show, and of the pixels, by which it
# must differ: one angiogram may belong to several photographs.
_LEAST_SHOWN = 0.9
_LEAST_DIFFERENT = 0.1
# Yields the other FFA images of an eye, uint8 [H, W, 1].
Others = Callable[[HeldOut], Iterable[np.ndarray]]


def with_second(
    eyes: Iterable[HeldOut], others: Others | None
) -> Iterator[HeldOut]:
    """Put another real FFA of the same eye beside its own, where there is one.

    Args:
        eyes: one after the other.
        others: `None` if no eye has two.
    """
    for held in eyes:
        if others is None:
            yield held
            continue
        second = second_of(held.eye, others(held))
        beside = {**held.beside, SECOND: second}
        yield dataclasses.replace(held, beside=beside)


def second_of(eye: Eye, others: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return the first FFA that can be brought onto an eye's own.

    Args:
        eye: its `real` and `mask` are used.
        others: uint8 [H', W', 1], of the same eye.

    Returns:
        uint8 [H, W, 1]; `None` if there is none.
    """
    for other in others:
        image = _brought_onto(other, eye.real, eye.mask)
        if image is not None:
            return image
    return None


def others_in(dataset: PreparedDataset, split: str) -> Others | None:
    """Return what yields the other FFA images of an eye of a prepared dataset.

    Args:
        dataset: whose records tell which pairs are of one eye.
        split: which of its splits.

    Returns:
        As `with_second` takes it; the files of eyes that have several pairs
        are kept in memory.
    """
    counts = collections.Counter(
        record["eye"] for record in dataset.records(split, ["eye"])
    )
    if not any(count > 1 for count in counts.values()):
        return None
    stored: dict[str, list[tuple[str, bytes]]] = collections.defaultdict(list)
    for record in dataset.records(split, ["pair", "eye", "ffa"], decode=False):
        if counts[record["eye"]] > 1:
            pair = record["pair"].decode()
            stored[record["eye"].decode()].append((pair, record["ffa"]))

    def others(held: HeldOut) -> Iterator[np.ndarray]:
        for pair, png in stored.get(held.eye_id, ()):
            if not pair.startswith(held.pair):
                yield decode_png(png)

    return others


def _brought_onto(
    other: np.ndarray, real: np.ndarray, inside: np.ndarray
) -> np.ndarray | None:
    """Register an FFA with another one; `None` if it is of no use.

    It may be the same image, not register, or show too little of the field.
    """
    if other.shape == real.shape and np.mean(other != real) < _LEAST_DIFFERENT:
        return None
    # Vessels are dark in what is registered with an FFA.
    seen = field_of_view(other[..., 0])[..., None]
    dark = np.where(seen, 255 - other, 0).astype(np.uint8)
    found = register_pair(dark, real)
    if not found.accepted:
        return None
    image, known = found.warp(other)
    shown = known.reshape(real.shape)[inside].mean() if inside.any() else 0.0
    return image.reshape(real.shape) if shown >= _LEAST_SHOWN else None
