"""A prepared dataset: found once, and read."""

import contextlib
import dataclasses
import hashlib
import os
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from ffa_keras.errors import InputError
from ffa_keras.records import schema

# Written beside the records once two splits were found to share nothing.
AUDIT_NAME = "audit.json"
_INFO_NAME = "dataset_info.json"
_AGAIN = "prepare the data again with python -m datasets.ffa_pairs"
# Before a record: its length and a checksum of that; after it, its own.
_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")


@dataclasses.dataclass(frozen=True)
class PreparedDataset:
    """A dataset as `python -m datasets.ffa_pairs` leaves it.

    Attributes:
        folder: of its records.
    """

    folder: Path
    _builder: tfds.core.DatasetBuilder = dataclasses.field(repr=False)

    @classmethod
    def find(cls, dataset_dir: str | Path) -> "PreparedDataset":
        """Find the one dataset at or below a folder.

        Args:
            dataset_dir: the folder with `dataset_info.json`, or any above.
                Hidden folders in it, where others are still at work, are not
                searched.

        Raises:
            InputError: no dataset or more than one is found, or it is damaged,
                was never looked through for leaks, or has another format.
        """
        dataset = cls.open(find_dataset(dataset_dir))
        numbered = schema.format_of(dataset.info.metadata) is not None
        if numbered and not dataset.audited:
            raise InputError(
                f"{dataset.folder}: nobody has looked for leaks between its"
                " splits; do so with python -m ffa_keras.records.audit"
                f" --dataset_dir={dataset.folder}"
            )
        return dataset

    @classmethod
    def open(cls, folder: Path) -> "PreparedDataset":
        """Open the dataset in a folder, whether or not it was audited.

        Args:
            folder: with `dataset_info.json`.

        Raises:
            InputError: it is damaged or has another format.
        """
        try:
            builder = tfds.builder_from_directory(folder)
            features, metadata = builder.info.features, builder.info.metadata
            wrong = schema.mismatch(features, metadata)
        # What TFDS raises at damaged files is not to be foreseen.
        except Exception as error:
            raise InputError(
                f"{folder}: {_INFO_NAME} or another file that describes the"
                f" records is damaged ({type(error).__name__}); {_AGAIN}"
            ) from error
        if wrong:
            raise InputError(f"{folder}: {wrong}; {_AGAIN}")
        return cls(folder, builder)

    @property
    def audited(self) -> bool:
        """Whether it was looked through for leaks, and has none."""
        return (self.folder / AUDIT_NAME).is_file()

    @property
    def info(self) -> tfds.core.DatasetInfo:
        """What TFDS knows of the dataset."""
        return self._builder.info

    @property
    def split_by(self) -> str:
        """What no split tears apart, one of `schema.SPLIT_UNITS`."""
        return str(schema.split_by_of(self.info.metadata))

    @property
    def splits(self) -> list[str]:
        """Names of the splits that are there, of `schema.STORES`."""
        return list(self.info.splits)

    def stores_of(self, split: str, lone: str = "") -> list[str]:
        """Return where the records of a split lie that are there.

        Args:
            split: one of `schema.SPLITS`.
            lone: one of `schema.LONE`, to count images in that stand alone.
        """
        infos = self.info.splits
        names = dict.fromkeys((split, schema.stored_in(split, lone)))
        return [n for n in names if n in infos and infos[n].num_examples]

    def num_records(self, split: str) -> int:
        """Return how many pairs of a split there are."""
        stores = self.stores_of(split)
        return sum(self.info.splits[s].num_examples for s in stores)

    @property
    def categories(self) -> list[str]:
        """Names of the categories, by their number in the records."""
        return list(self.info.features["category"].names)

    def pairs(
        self,
        split: str,
        features: Collection[str] | None = None,
        decode: bool = True,
        lone: str = "",
    ) -> tf.data.Dataset:
        """Read the aligned full pairs of a split, always in the same order.

        Args:
            split: one of `schema.SPLITS`.
            features: names of those that are read, as far as the dataset has
                them; all if `None`.
            decode: whether images are decoded; else they stay PNG files.
            lone: one of `schema.LONE`: after the pairs come the records in
                which that image stands alone.

        Returns:
            Dataset of records by feature name: images uint8 [H, W, C] as in
            `schema.IMAGES`, `circular` bool, `category` int64, and strings.

        Raises:
            InputError: the split is absent or empty.
            ValueError: records never hold such a feature.
        """
        if strange := {*(features or ())} - {*schema.features(truth=True)}:
            raise ValueError(f"no such features: {sorted(strange)}")
        stores = self.stores_of(split, lone)
        if not stores:
            raise InputError(f"{self.folder}: the {split} split is empty")
        known = self.info.features
        names = [n for n in known if features is None or n in features]
        kept = {
            name: tfds.decode.SkipDecoding()
            for name in names
            if isinstance(known[name], tfds.features.Image) and not decode
        }
        return self._builder.as_dataset(
            split="+".join(stores),
            decoders=_Only(dict.fromkeys(names, True), kept),
            shuffle_files=False,
            read_config=tfds.ReadConfig(
                try_autocache=False, interleave_cycle_length=1
            ),
        )

    def records(
        self,
        split: str,
        features: Collection[str] | None = None,
        decode: bool = True,
        lone: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Yield the records of a split as NumPy values; see `pairs`.

        Raises:
            InputError: the split is absent or empty, a file is damaged, or an
                identifier is no hash.
        """
        with self.reading():
            pairs = self.pairs(split, features, decode, lone)
            for record in pairs.as_numpy_iterator():
                self.check_identifiers(record)
                yield record

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what TensorFlow says of damaged records into an `InputError`."""
        try:
            yield
        except tf.errors.OpError as error:
            raise InputError(
                f"{self.folder}: the records are damaged"
                f" ({type(error).__name__}); {_AGAIN}"
            ) from error

    def check_identifiers(self, record: dict[str, Any]) -> None:
        """Raise an `InputError` if an identifier is no hash.

        Args:
            record: by feature name, strings as bytes.
        """
        name = schema.foreign_identifier(record)
        if name:
            raise InputError(
                f"{self.folder}: the {name} of a record is not 32 hexadecimal"
                f" digits, so it is none of ours; {_AGAIN}"
            )

    def fingerprint(self) -> str:
        """Return a hash of every record, wherever the dataset lies.

        Only the lengths and checksums that TFRecord files hold are read, so
        that a hundred gigabytes take no longer than their headers.

        Returns:
            64 hexadecimal digits.

        Raises:
            InputError: a file is cut short.
        """
        digest = hashlib.sha256()
        for path in sorted(self.folder.glob("*.tfrecord-*")):
            digest.update(path.name.encode())
            for part in _record_seals(path):
                digest.update(part)
        return digest.hexdigest()


class _Only(tfds.decode.PartialDecoding):
    """Some features; the original warns of what TFDS itself does with them."""

    def extract_features(
        self, features: tfds.features.FeaturesDict
    ) -> tfds.features.FeaturesDict:
        return tfds.features.FeaturesDict(
            {name: features[name] for name in self._feature_specs}
        )


def find_dataset(dataset_dir: str | Path) -> Path:
    """Return the folder of the one prepared dataset at or below a folder.

    Args:
        dataset_dir: as `PreparedDataset.find` takes it.

    Raises:
        InputError: no dataset or more than one is found.
    """
    root = Path(dataset_dir)
    if not dataset_dir or not root.is_dir():
        raise InputError(
            f"--dataset_dir={dataset_dir}: no such folder; prepare a dataset"
            " with python -m datasets.ffa_pairs"
        )
    found = sorted(_finished(root))
    if len(found) != 1:
        what = "no prepared dataset" if not found else "more than one dataset"
        raise InputError(
            f"--dataset_dir={dataset_dir}: holds {what}; name the folder of"
            f" one {_INFO_NAME}"
        )
    return found[0]


def load_pairs(
    dataset_dir: str | Path, split: str, lone: str = ""
) -> tf.data.Dataset:
    """Read the pairs of a split of the dataset that `find` finds.

    Args:
        dataset_dir: as `PreparedDataset.find` takes it.
        split: as `PreparedDataset.pairs` takes it; the others likewise.
        lone: which images are wanted that stand alone, too.
    """
    return PreparedDataset.find(dataset_dir).pairs(split, lone=lone)


def _finished(root: Path) -> Iterator[Path]:
    """Yield the folders of datasets, none of them hidden or unfinished."""
    for folder, below, files in os.walk(root):
        if _INFO_NAME in files:
            yield Path(folder)
        below[:] = [
            name
            for name in below
            if not name.startswith(".") and ".incomplete" not in name
        ]


def _record_seals(path: Path) -> list[bytes]:
    size, position, seals = path.stat().st_size, 0, []
    with open(path, "rb") as file:
        while position < size:
            header = file.read(_HEADER.size)
            whole = len(header) == _HEADER.size
            length = _HEADER.unpack(header)[0] if whole else 0
            position += _HEADER.size + length + _FOOTER.size
            if not whole or position > size:
                raise InputError(f"{path}: cut short; prepare the data again")
            file.seek(length, 1)
            seals.append(header + file.read(_FOOTER.size))
    return seals
