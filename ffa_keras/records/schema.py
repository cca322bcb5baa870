"""What a record of a prepared dataset holds, and the number of its format.

Names, types and ranges stand here and nowhere else: what writes records and
what reads them both ask this module. Images are PNG files of 8 bits; the
identifiers are hashes.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# To be raised whenever records change, or the same input gives other records:
# datasets of another format are refused, finished pairs prepared anew.
FORMAT = 1
SPLITS = ("train", "validation", "test")
# A photograph without an angiogram, or the other way round, stands alone: it
# lies beside the pairs of its split, in SPLIT_fundus or SPLIT_ffa, in a record
# like theirs whose other image is black.
LONE = {"fundus": "photograph", "ffa": "FFA"}
# What never parts: all pairs of a patient, of an eye, or each pair by itself.
SPLIT_UNITS = ("patient", "eye", "image")
# Records store the index.
CATEGORIES = (
    "unspecified",
    "normal",
    "abnormal",
    "optic_disc",
    "large_focal",
    "punctate_focal",
)
# The four of the paper, by what leaks.
LEAKAGE = ("normal", "optic_disc", "large_focal", "punctate_focal")
# Channels of the images; masks are 0 or 255.
IMAGES = {"fundus": 3, "ffa": 1, "valid_mask": 1}
# Of drawn pairs only.
TRUTH_MASKS = {"vessel_mask": 1, "leakage_mask": 1}
IDENTIFIERS = ("patient", "eye", "pair")
_IDENTIFIER = re.compile(rb"[0-9a-f]{32}")
_FORMAT_KEY, _SPLIT_BY_KEY = "format", "split_by"


def features(truth: bool) -> "tfds.features.FeaturesDict":
    """Return the features of a record.

    Args:
        truth: whether it holds the `TRUTH_MASKS`.
    """
    # Late, since the processes that prepare pairs do without.
    import tensorflow_datasets as tfds

    def images(channels_by_name: dict[str, int]) -> dict[str, Any]:
        return {
            name: tfds.features.Image(
                shape=(None, None, channels), encoding_format="png"
            )
            for name, channels in channels_by_name.items()
        }

    # In the order in which they are written.
    return tfds.features.FeaturesDict(
        images(IMAGES)
        | {
            "circular": tfds.features.Scalar(dtype=np.bool_),
            "category": tfds.features.ClassLabel(names=CATEGORIES),
        }
        | {name: tfds.features.Text() for name in IDENTIFIERS}
        | images(TRUTH_MASKS if truth else {})
    )


def stored_in(split: str, lone: str = "") -> str:
    """Return where the records of a split lie.

    Args:
        split: one of `SPLITS`.
        lone: of images that stand alone, one of `LONE`; empty for pairs.
    """
    return f"{split}_{lone}" if lone else split


# All places, in the order in which they are written.
STORES = tuple(stored_in(s, lone) for lone in ("", *LONE) for s in SPLITS)


def stored_as(name: str) -> tuple[str, str]:
    """Return the split that records belong to, and what stands alone in them.

    Args:
        name: as of `stored_in`.
    """
    split, _, lone = name.partition("_")
    return split, lone


def metadata(split_by: str) -> dict[str, Any]:
    """Return what is written beside the records.

    Args:
        split_by: one of `SPLIT_UNITS`.
    """
    return {_FORMAT_KEY: FORMAT, _SPLIT_BY_KEY: split_by}


def format_of(metadata: Mapping[str, Any] | None) -> Any:
    """Return the number of a format, `None` if it was written before any."""
    return (metadata or {}).get(_FORMAT_KEY)


def split_by_of(metadata: Mapping[str, Any] | None) -> Any:
    """Return which of `SPLIT_UNITS` no split tears apart."""
    return (metadata or {}).get(_SPLIT_BY_KEY, SPLIT_UNITS[0])


def mismatch(
    found: "tfds.features.FeaturesDict", metadata: Mapping[str, Any] | None
) -> str:
    """Say why records are not of this format; empty if they are.

    Records without a number were written before there was one: they are of
    format 1 if all of their features are.

    Args:
        found: features of the records.
        metadata: what was written beside them.
    """
    number = format_of(metadata)
    if number not in (None, FORMAT):
        return f"its records have format {number!r:.20}, not {FORMAT}"
    wanted = features(truth=any(name in found for name in TRUTH_MASKS))
    for name, feature in wanted.items():
        if name not in found:
            return f"its records have no {name}"
        if _kind(found[name]) != _kind(feature):
            return f"its {name} is not what it should be"
    if set(found) != set(wanted):
        return "its records hold what they should not"
    if found["category"].names != list(CATEGORIES):
        return "its categories are others"
    if split_by_of(metadata) not in SPLIT_UNITS:
        return "it was split in an unknown way"
    return ""


def _kind(feature: "tfds.features.FeatureConnector") -> tuple[Any, ...]:
    return type(feature), feature.shape, feature.np_dtype


def foreign_identifier(record: Mapping[str, Any]) -> str:
    """Return the name of an identifier that is no hash of ours, else "".

    Whatever else stood there could be a name, a path or a piece of HTML.

    Args:
        record: by feature name, strings as bytes.
    """
    for name in IDENTIFIERS:
        if name in record and not _IDENTIFIER.fullmatch(record[name]):
            return name
    return ""
