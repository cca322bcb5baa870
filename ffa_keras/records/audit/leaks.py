"""Look for leaks: what two splits of a prepared dataset have in common."""

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ffa_keras.errors import InputError, first_of
from ffa_keras.files import write_text
from ffa_keras.images.files import decode_png
from ffa_keras.records.dataset import AUDIT_NAME, PreparedDataset
from ffa_keras.records.schema import IDENTIFIERS, LONE, stored_as

# Two eyes differ in half of the 246 bits, give or take a twentieth, and in 19 %
# at least of 180,000 pairs of phantoms; a copy that was saved again, scaled or
# brightened in 3 %, one moved by 1/160 of its width in 10 %.
_SIDE = 64
_BLUR = 6
_FREQUENCIES = 16
_LOWEST = 4
_NEAR = 0.12
_COMPARED = (*LONE, "valid_mask", *IDENTIFIERS)
_ALLOWED = {"patient": (), "eye": ("patient",), "image": ("patient", "eye")}
_SHOWN = 5
# To be raised whenever more is found, so that older notes no longer count.
RULES = 1


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What is compared of a pair.

    Attributes:
        split: of the pair.
        pair: its hash, as in the records; `patient` and `eye` likewise.
        digests: SHA-256 of the pixels, by image; of an image that stands alone
            there is no other.
        bits: packed perceptual hash, uint8 [31], by image.
    """

    split: str
    pair: str
    patient: str
    eye: str
    digests: dict[str, bytes]
    bits: dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Leak:
    """Something that two splits share.

    Attributes:
        kind: what it is.
        first: split and hash of one pair.
        second: split and hash of the other.
    """

    kind: str
    first: tuple[str, str]
    second: tuple[str, str]

    def __str__(self) -> str:
        (split, pair), (other_split, other) = self.first, self.second
        return f"{self.kind}: {split} {pair} and {other_split} {other}"


def audit_dataset(dataset: PreparedDataset) -> list[Leak]:
    """Look for leaks between the splits of a prepared dataset.

    Args:
        dataset: to look through.

    Returns:
        What splits share that they may not; patients and eyes may be shared
        only if the dataset was split by eye or by image.

    Raises:
        InputError: it is damaged or not of ours.
    """
    prints = [
        fingerprint(store, record)
        for store in dataset.splits
        for record in dataset.records(store, _COMPARED, decode=False)
    ]
    return find_leaks(prints, dataset.split_by)


def record_audit(dataset: PreparedDataset) -> None:
    """Note beside the records that no leak was found: they may be read.

    Args:
        dataset: in which `audit_dataset` found none.
    """
    write_text(dataset.folder / AUDIT_NAME, _note(dataset))


def _note(dataset: PreparedDataset) -> str:
    """Return what stands beside records in which no leak was found."""
    found = {
        "leaks": 0,
        "rules": RULES,
        "split_by": dataset.split_by,
        "records": dataset.fingerprint(),
    }
    return json.dumps(found) + "\n"


def refuse_leaks(dataset: PreparedDataset) -> None:
    """Raise an `InputError` if `audit_dataset` finds a leak.

    Records of which it is noted that there is none are not decoded again.

    Args:
        dataset: to look through.
    """
    note = dataset.folder / AUDIT_NAME
    if note.is_file() and note.read_bytes() == _note(dataset).encode():
        return
    leaks = audit_dataset(dataset)
    if leaks:
        raise InputError(
            f"{len(leaks)} leaks between the splits:"
            f" {first_of([*map(str, leaks)], _SHOWN)}; give pairs that belong"
            " together one patient"
        )


def fingerprint(store: str, record: dict[str, bytes]) -> Fingerprint:
    """Return what is compared of a record whose images are PNG files.

    Args:
        store: where the record lies, one of `schema.STORES`.
        record: by feature name.
    """
    digests, bits = {}, {}
    split, lone = stored_as(store)
    mask = decode_png(record["valid_mask"])[..., 0] > 0
    for name in [lone] if lone else LONE:
        image = decode_png(record[name])
        shape = repr(image.shape).encode()
        digests[name] = hashlib.sha256(shape + image.tobytes()).digest()
        grey = image[..., image.shape[-1] // 2]
        bits[name] = perceptual_hash(grey, mask)
    patient, eye, pair = (record[name].decode() for name in IDENTIFIERS)
    return Fingerprint(split, pair, patient, eye, digests, bits)


def perceptual_hash(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the signs of the middle frequencies of the vessels.

    Args:
        grey: uint8 [H, W].
        mask: bool [H, W]; what lies outside it, and its outline, which many
            photographs share, do not count.

    Returns:
        uint8 [31], packed bits.
    """
    size = (_SIDE, _SIDE)
    inside = cv2.resize(
        mask.astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    inside = cv2.erode((inside > 0.99).astype(np.float32), np.ones((3, 3)))
    small = cv2.resize(
        grey.astype(np.float32), size, interpolation=cv2.INTER_AREA
    )
    level, weight = (
        cv2.GaussianBlur(image, (0, 0), _BLUR)
        for image in (small * inside, inside)
    )
    detail = (small - level / np.maximum(weight, 1e-3)) * inside
    waves = cv2.dct(detail)[:_FREQUENCIES, :_FREQUENCIES]
    rows, columns = np.indices(waves.shape)
    return np.packbits(waves[rows + columns >= _LOWEST] > 0)


def find_leaks(
    prints: Sequence[Fingerprint], split_by: str = "patient"
) -> list[Leak]:
    """Compare the pairs of every two splits.

    Args:
        prints: of all pairs.
        split_by: one of `SPLIT_UNITS`: says what may be shared.
    """
    splits: dict[str, list[Fingerprint]] = {}
    for print_ in prints:
        splits.setdefault(print_.split, []).append(print_)
    leaks: list[Leak] = []
    for first, second in itertools.combinations(splits.values(), 2):
        leaks += _shared(first, second, split_by)
        leaks += _alike(first, second)
    return leaks


def _shared(
    first: list[Fingerprint], second: list[Fingerprint], split_by: str
) -> Iterator[Leak]:
    """Yield patients and eyes that two splits share."""
    for kind in ("patient", "eye"):
        if kind in _ALLOWED[split_by]:
            continue
        theirs = {getattr(print_, kind): print_ for print_ in second}
        seen = set()
        for print_ in first:
            value = getattr(print_, kind)
            if value in theirs and value not in seen:
                seen.add(value)
                yield _leak(f"one {kind}", print_, theirs[value])


def _alike(
    first: list[Fingerprint], second: list[Fingerprint]
) -> Iterator[Leak]:
    """Yield images that are the same, or nearly so, in two splits.

    Also a photograph of one among the angiograms of the other: files change
    places.
    """
    for image, other_image in itertools.product(LONE, repeat=2):
        holders = [print_ for print_ in second if other_image in print_.bits]
        if not holders:
            continue
        name = " and ".join(dict.fromkeys((LONE[image], LONE[other_image])))
        theirs = np.stack([print_.bits[other_image] for print_ in holders])
        total = theirs.shape[1] * 8
        for print_ in first:
            if image not in print_.bits:
                continue
            differing = np.bitwise_count(theirs ^ print_.bits[image]).sum(1)
            for index in np.flatnonzero(differing <= _NEAR * total):
                other = holders[index]
                same = print_.digests[image] == other.digests[other_image]
                kind = f"identical {name}" if same else f"near-duplicate {name}"
                yield _leak(kind, print_, other)


def _leak(kind: str, first: Fingerprint, second: Fingerprint) -> Leak:
    return Leak(kind, (first.split, first.pair), (second.split, second.pair))
