"""Which patient is in which split, and what stands for a patient's name.

Both follow from a secret key by HMAC-SHA256: adding a patient never moves
another, and who lacks the key cannot test whether a name is in the data.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from ffa_keras.errors import InputError
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.records.schema import LONE, SPLITS

TEST_SHARE = 0.2
# Of the patients that are not in the test split.
VALIDATION_SHARE = 0.1
DEFAULT_KEY_FILE = Path("~/.config/ffa_keras/hash.key")


def hashed_id(key: bytes, kind: str, value: str) -> str:
    """Return what stands for an identifier in the records.

    Args:
        key: secret of the site.
        kind: of identifier, such as `"patient"`; equal values of two kinds
            have unlike hashes.
        value: the identifier.

    Returns:
        32 hexadecimal digits.
    """
    return _digest(key, kind, value).hex()[:32]


def assign_split(unit: str, key: bytes) -> str:
    """Return the split of a patient, whatever other patients there are.

    Args:
        unit: identifier of the patient, or of what else never parts.
        key: secret of the site.

    Returns:
        One of `SPLITS`.
    """
    place = _place(unit, key)
    if place < TEST_SHARE:
        return "test"
    if place < TEST_SHARE + (1 - TEST_SHARE) * VALIDATION_SHARE:
        return "validation"
    return "train"


def split_pairs(
    pairs: Sequence[PairEntry],
    key: bytes,
    split_by: str = "patient",
    closed: bool = False,
) -> list[str]:
    """Return the split of every pair, each patient (eye, image) in one.

    A split asked for by any pair of a patient holds for all of them. The rest
    follows from the hash of each alone, the same threshold in every category:
    so no patient ever moves, and each category has its shares up to chance. A
    closed collection, which nobody will join, has them exactly.

    Args:
        pairs: no unit asks for two splits.
        key: secret of the site.
        split_by: one of `SPLIT_UNITS`.
        closed: whether the shares are exact in every category.

    Returns:
        One of `SPLITS` for each pair.

    Raises:
        InputError: the hash leaves a split empty.
    """
    units = [pair.unit(split_by) for pair in pairs]
    asked = {u: p.split for u, p in zip(units, pairs, strict=True) if p.split}
    if closed:
        drawn = _exact_splits(pairs, units, key)
    else:
        drawn = {unit: assign_split(unit, key) for unit in units}
    splits = [asked.get(unit) or drawn[unit] for unit in units]
    # Nothing is measured on images that stand alone.
    of_pairs = [s for p, s in zip(pairs, splits, strict=True) if not p.lone]
    wanted, held = (SPLITS, of_pairs) if of_pairs else (SPLITS[:1], splits)
    empty = [name for name in wanted if name not in held]
    if empty and set(units) - set(asked):
        raise InputError(
            f"the {' and the '.join(empty)} split would be empty with only"
            f" {len(set(units))} {split_by}s; add a column split with"
            f" {', '.join(SPLITS)} to the manifest"
        )
    return splits


def absent_categories(pairs: Sequence[PairEntry]) -> Iterator[str]:
    """Yield a note on every category that chance left out of a split.

    Args:
        pairs: with their splits.
    """
    present = {(p.category, p.split) for p in pairs if not p.lone}
    for category in sorted({category for category, _ in present}):
        for split in ("train", "test"):
            if (category, split) not in present:
                yield (
                    f"no {category} pair is in the {split} split; a column"
                    " split in the manifest can put one there"
                )


def lone_images(pairs: Sequence[PairEntry]) -> Iterator[str]:
    """Yield a note on the images that stand alone, if there are any.

    Args:
        pairs: with their splits.
    """
    found = [(pair.lone, pair.split) for pair in pairs if pair.lone]
    if found:
        counts = " and ".join(
            f"{sum(lone == kind for lone, _ in found)} {name}s"
            for kind, name in LONE.items()
        )
        train = sum(split == SPLITS[0] for _, split in found)
        yield (
            f"{counts} stand alone: only methods that need no pairs learn from"
            f" them, from the {train} in the {SPLITS[0]} split"
        )


def _exact_splits(
    pairs: Sequence[PairEntry], units: Sequence[str], key: bytes
) -> dict[str, str]:
    """Return the split by unit: quotas of each category, in hash order."""
    strata: dict[str, str] = {}
    for pair, unit in zip(pairs, units, strict=True):
        strata.setdefault(unit, pair.category)
    splits: dict[str, str] = {}
    for category in set(strata.values()):
        members = [unit for unit in strata if strata[unit] == category]
        members.sort(key=lambda unit: _place(unit, key))
        test = round(TEST_SHARE * len(members))
        validation = round(VALIDATION_SHARE * (len(members) - test))
        held_out = ["test"] * test + ["validation"] * validation
        train = ["train"] * (len(members) - len(held_out))
        splits |= dict(zip(members, held_out + train, strict=True))
    return splits


def read_key(path: str | Path) -> bytes:
    """Read the secret key, or make one on first use.

    Args:
        path: file of the key, readable by its owner only. Keep it: with
            another key the same patients get other hashes and other splits.

    Returns:
        The key.

    Raises:
        InputError: the file cannot be read or made, or is too short.
    """
    path = Path(path).expanduser()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=False)
            path.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        key = path.read_bytes().strip()
    except OSError as error:
        raise InputError(
            f"{path}: the key of the patient hashes cannot be read or made"
            f" ({error.strerror}); name another file with --key_file"
        ) from error
    if len(key) < 16:
        raise InputError(
            f"{path}: the key of the patient hashes has fewer than 16"
            " characters; name another file with --key_file"
        )
    return key


def _place(unit: str, key: bytes) -> float:
    """Return where the hash puts a unit, uniform in [0, 1)."""
    return int.from_bytes(_digest(key, "split", unit)[:8], "big") / 2**64


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{value}".encode(), hashlib.sha256)
