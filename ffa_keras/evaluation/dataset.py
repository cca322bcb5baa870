"""A prepared dataset, found and opened once for a whole evaluation."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from ffa_keras.data.records import find_dataset
from ffa_keras.errors import InputError


class OpenedDataset:
    """The one prepared dataset at or below a folder.

    Args:
        folder: that holds `dataset_info.json`, or any above.

    Attributes:
        folder: that holds `dataset_info.json`.
        info: of the builder.

    Raises:
        InputError: no dataset or more than one is found.
    """

    def __init__(self, folder: str | Path):
        self.folder = find_dataset(folder)
        self._builder = tfds.builder_from_directory(self.folder)
        self.info: tfds.core.DatasetInfo = self._builder.info

    @property
    def split_by(self) -> str:
        """What no split tears apart."""
        return (self.info.metadata or {}).get("split_by", "patient")

    @property
    def categories(self) -> list[str]:
        """Names of the classes."""
        return self.info.features["category"].names

    def records(
        self, split: str, features: Collection[str]
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of a split, always in the same order.

        Args:
            split: `"train"`, `"validation"` or `"test"`.
            features: names of those to decode; other images stay compressed
                bytes, and what the dataset does not have is left out.

        Raises:
            InputError: the split is absent or empty.
        """
        found = self.info.splits.get(split)
        if not found or not found.num_examples:
            raise InputError(
                f"--dataset_dir={self.folder}: the {split} split is empty"
            )
        undecoded = {
            name: tfds.decode.SkipDecoding()
            for name, feature in self.info.features.items()
            if isinstance(feature, tfds.features.Image) and name not in features
        }
        pairs = self._builder.as_dataset(
            split=split,
            decoders=undecoded,
            shuffle_files=False,
            read_config=tfds.ReadConfig(
                try_autocache=False, interleave_cycle_length=1
            ),
        )
        yield from pairs.as_numpy_iterator()
