"""Which patient is in which split, and what stands for a patient's name.

Both follow from a secret key by HMAC-SHA256: adding a patient never moves
another, and who lacks the key cannot test whether a name is in the data.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from pathlib import Path

from ffa_keras.data.manifest import SPLITS, PairEntry
from ffa_keras.errors import InputError

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


def assign_split(patient: str, key: bytes) -> str:
    """Return the split of a patient, whatever other patients there are.

    Args:
        patient: identifier.
        key: secret of the site.

    Returns:
        One of `SPLITS`.
    """
    digest = _digest(key, "split", patient)
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < TEST_SHARE:
        return "test"
    if place < TEST_SHARE + (1 - TEST_SHARE) * VALIDATION_SHARE:
        return "validation"
    return "train"


def split_pairs(pairs: Sequence[PairEntry], key: bytes) -> list[str]:
    """Return the split of every pair, each patient in one.

    A split asked for by any pair of a patient holds for all of them.

    Args:
        pairs: no patient asks for two splits.
        key: secret of the site.

    Returns:
        One of `SPLITS` for each pair.

    Raises:
        InputError: the hash leaves a split empty.
    """
    asked = {pair.patient: pair.split for pair in pairs if pair.split}
    splits = [
        asked.get(pair.patient) or assign_split(pair.patient, key)
        for pair in pairs
    ]
    empty = [name for name in SPLITS if name not in splits]
    by_hash = any(pair.patient not in asked for pair in pairs)
    if empty and by_hash:
        patients = len({pair.patient for pair in pairs})
        raise InputError(
            f"the {' and the '.join(empty)} split would be empty with only"
            f" {patients} patients; add a column split with"
            f" {', '.join(SPLITS)} to the manifest"
        )
    return splits


def read_key(path: str | Path = DEFAULT_KEY_FILE) -> bytes:
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


def _digest(key: bytes, kind: str, value: str) -> bytes:
    return hmac.digest(key, f"{kind}\0{value}".encode(), hashlib.sha256)
