"""From prepared records to batches: the tf.data side of training.

Every order and every random choice follows from the seed and the epoch, so
that a run can be resumed at any step with the same data.
"""

from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from ffa_keras.data.patches import (
    PatchSampling,
    cut_patches,
    flip_at_random,
    patch_corners,
)
from ffa_keras.errors import InputError
from ffa_keras.ops import from_grey_levels

# Patches held for shuffling: those of about this many pairs are mixed.
_SHUFFLE_PATCHES = 256


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


class TrainingPatches:
    """Batches of training patches, epoch by epoch.

    Compressed pairs are cached in memory and shuffled; each is decoded once
    an epoch for all its patches.

    Args:
        dataset_dir: as `find_dataset` takes it.
        sampling: size, place and flips of the patches.
        seed: of every order and random choice.

    Attributes:
        pair_ids: hash of each pair of the train split.
        num_patches: patches in an epoch.

    Raises:
        InputError: no such dataset, a pair smaller than a patch, or no patch
            valid enough in any pair.
    """

    def __init__(
        self, dataset_dir: str | Path, sampling: PatchSampling, seed: int
    ):
        self._sampling = sampling
        self._seed = seed
        builder = tfds.builder_from_directory(find_dataset(dataset_dir))
        self._features = builder.info.features
        pairs = load_pairs(dataset_dir, "train", decode=False)
        self.pair_ids = [
            record["pair"].decode() for record in pairs.as_numpy_iterator()
        ]
        self._pairs = pairs.map(_images_only).enumerate().cache()
        self.num_patches = self._count()

    def steps(self, batch_size: int) -> int:
        """Return the number of full batches in an epoch."""
        return self.num_patches // batch_size

    def epoch(
        self, epoch: int, batch_size: int, skip: int = 0
    ) -> tf.data.Dataset:
        """Return the batches of an epoch.

        Args:
            epoch: its number, from 0; another number gives another order,
                other crops and other flips.
            batch_size: patches in a batch; an incomplete last one is dropped.
            skip: batches left out at the start, to resume within an epoch.

        Returns:
            Dataset of `fundus` float32 [B, height, width, 3] and `ffa` float32
            [B, height, width, 1], in [-1, 1], and `pair` int64 [B], the
            positions in `pair_ids`.
        """
        seed = self._epoch_seed(epoch)
        patches = self._numbered_patches(epoch).shuffle(
            _SHUFFLE_PATCHES, seed=seed, reshuffle_each_iteration=False
        )
        patches = patches.skip(skip * batch_size)

        def finish(number: tf.Tensor, patch: dict) -> dict:
            images = {name: patch[name] for name in ("fundus", "ffa")}
            if self._sampling.flip:
                images = flip_at_random(images, _seed_pair(seed, number))
            images = {k: from_grey_levels(v) for k, v in images.items()}
            return {**images, "pair": patch["pair"]}

        return (
            patches.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(batch_size, drop_remainder=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _numbered_patches(self, epoch: int) -> tf.data.Dataset:
        seed = self._epoch_seed(epoch)
        pairs = self._pairs.shuffle(
            len(self.pair_ids), seed=seed, reshuffle_each_iteration=False
        )

        def cut(
            number: tf.Tensor, indexed: tuple[tf.Tensor, dict]
        ) -> dict[str, tf.Tensor]:
            index, pair = indexed[0], self._decode(indexed[1])
            corners = patch_corners(
                pair["valid_mask"], self._sampling, _seed_pair(seed, number)
            )
            patches = cut_patches(pair, corners, self._sampling)
            return {**patches, "pair": tf.fill(tf.shape(corners)[:1], index)}

        cuts = pairs.enumerate().map(
            cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        return cuts.unbatch().enumerate()

    def _epoch_seed(self, epoch: int) -> int:
        return self._seed * 1_000_003 + epoch

    def _count(self) -> int:
        height, width = self._sampling.height, self._sampling.width

        def count(_: tf.Tensor, pair: dict) -> tuple[tf.Tensor, tf.Tensor]:
            mask = self._decode({"valid_mask": pair["valid_mask"]})[
                "valid_mask"
            ]
            size = tf.shape(mask)[:2]
            if tf.reduce_any(size < (height, width)):
                return tf.constant(0), size
            corners = patch_corners(mask, self._sampling, tf.constant([0, 0]))
            return tf.shape(corners)[0], size

        total = 0
        for patches, size in self._pairs.map(count).as_numpy_iterator():
            if size[0] < height or size[1] < width:
                raise InputError(
                    f"--patch_height={height} --patch_width={width}: a pair of"
                    f" the dataset has only {size[0]}x{size[1]} pixels (height"
                    " x width)"
                )
            total += int(patches)
        if not total:
            raise InputError(
                f"--min_valid={self._sampling.min_valid}: no {height}x{width}"
                " patch lies that far inside the valid mask of any pair; lower"
                " it or the patch size"
            )
        return total

    def _decode(self, pair: dict) -> dict:
        return {
            name: self._features[name].decode_example(image)
            for name, image in pair.items()
        }


def validation_pairs(dataset_dir: str | Path, replicas: int) -> tf.data.Dataset:
    """Return the validation split as single full frames.

    Args:
        dataset_dir: as `find_dataset` takes it.
        replicas: the last pair is repeated with weight 0 until the number of
            elements is a multiple of this.

    Returns:
        Dataset of batches of one: `fundus`, `ffa`, `valid_mask` uint8
        [1, H, W, C] and `weight` float32 [1].

    Raises:
        InputError: no such dataset, or the split is absent or empty.
    """
    pairs = load_pairs(dataset_dir, "validation").map(_images_only)
    padding = -int(pairs.cardinality()) % replicas
    real = pairs.map(lambda pair: {**pair, "weight": tf.constant(1.0)})
    repeated = pairs.take(1).repeat(padding)
    repeated = repeated.map(lambda p: {**p, "weight": tf.constant(0.0)})
    return real.concatenate(repeated).batch(1).prefetch(2)


def _images_only(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in ("fundus", "ffa", "valid_mask")}


def _skip_decoding(builder: tfds.core.DatasetBuilder) -> dict[str, Any]:
    return {
        name: tfds.decode.SkipDecoding()
        for name, feature in builder.info.features.items()
        if isinstance(feature, tfds.features.Image)
    }


def _seed_pair(seed: int, number: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(number, tf.int64)])
