"""Find and read the records of a prepared dataset."""

from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from ffa_keras.errors import InputError


def find_dataset(dataset_dir: str | Path) -> Path:
    """Return the folder of the one prepared dataset at or below a folder.

    Args:
        dataset_dir: the folder that holds `dataset_info.json`, or any above.

    Raises:
        InputError: no dataset or more than one is found.
    """
    root = Path(dataset_dir)
    if not dataset_dir or not root.is_dir():
        raise InputError(
            f"--dataset_dir={dataset_dir}: no such folder; prepare a dataset"
            " with python -m datasets.ffa_pairs"
        )
    found = sorted(info.parent for info in root.rglob("dataset_info.json"))
    found = [path for path in found if ".incomplete" not in path.name]
    if len(found) != 1:
        what = "no prepared dataset" if not found else "more than one dataset"
        raise InputError(
            f"--dataset_dir={dataset_dir}: holds {what}; name the folder of"
            " one dataset_info.json"
        )
    return found[0]


def load_pairs(
    dataset_dir: str | Path, split: str, decode: bool = True
) -> tf.data.Dataset:
    """Read the aligned full pairs of a split, always in the same order.

    Args:
        dataset_dir: as `find_dataset` takes it.
        split: `"train"`, `"validation"` or `"test"`.
        decode: whether images are decoded; else they stay compressed bytes.

    Returns:
        Dataset of records by feature name: `fundus` uint8 [H, W, 3], `ffa`
        and `valid_mask` uint8 [H, W, 1], `category` int64, `patient`, `eye`
        and `pair` strings (hashes).

    Raises:
        InputError: no such dataset, or the split is absent or empty.
    """
    builder = tfds.builder_from_directory(find_dataset(dataset_dir))
    info = builder.info.splits.get(split)
    if not info or not info.num_examples:
        raise InputError(
            f"--dataset_dir={dataset_dir}: the {split} split is empty"
        )
    decoders = None if decode else _skip_decoding(builder)
    return builder.as_dataset(
        split=split,
        decoders=decoders,
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            try_autocache=False, interleave_cycle_length=1
        ),
    )


def _skip_decoding(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    return {
        name: tfds.decode.SkipDecoding()
        for name, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    }
