"""From prepared records to batches: the tf.data side of training.

Every order and every random choice follows from the seed and the epoch, so
that a run can be resumed at any step with the same data.
"""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.ops import from_grey_levels
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import (
    PatchSampling,
    allowed_places,
    cut_patch,
    flip_at_random,
    mask_patch,
    patch_corners,
    turn_at_random,
    vary_light,
)
from ffa_keras.records.schema import IMAGES

# Patches held for shuffling: those of about this many pairs are mixed.
_SHUFFLE_PATCHES = 256
# Bytes of compressed pairs that are kept in memory.
_MEMORY = 4 * 2**30
_READ = (*IMAGES, "circular", "pair")


class TrainingPatches:
    """Batches of training patches, epoch by epoch.

    Pairs stay compressed in memory and in the shuffle; each is decoded once an
    epoch for all its patches. Collections too large for memory are read from
    their files in every epoch, and shuffled as far as memory reaches.

    Args:
        dataset: whose train split is read.
        sampling: size, place and variation of the patches.
        seed: of every order and random choice.
        lone: one of `schema.LONE`, where patches of such images without a
            counterpart, which is then black, are wanted too.
        memory: bytes of pairs that are held.

    Attributes:
        pair_ids: hash of each pair of the train split.
        num_patches: patches in an epoch.

    Raises:
        InputError: the records are damaged, a pair is smaller than a patch, or
            no patch is valid enough in any pair.
    """

    def __init__(
        self,
        dataset: PreparedDataset,
        sampling: PatchSampling,
        seed: int,
        lone: str = "",
        memory: int = _MEMORY,
    ):
        self._sampling = sampling
        self._seed = seed
        self._dataset = dataset
        self._features = dataset.info.features
        pairs = dataset.pairs("train", _READ, decode=False, lone=lone)
        infos = [
            dataset.info.splits[s] for s in dataset.stores_of("train", lone)
        ]
        size = sum(info.num_bytes or 0 for info in infos)
        count = sum(info.num_examples for info in infos)
        self._shuffled = max(1, min(count, count * memory // max(size, 1)))
        self._pairs = pairs.map(
            self._placed, num_parallel_calls=tf.data.AUTOTUNE
        ).enumerate()
        if size <= memory:
            self._pairs = self._pairs.cache()
        self.pair_ids: list[str] = []
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
                other crops and other variations.
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

        def finish(number: tf.Tensor, patch: dict[str, Any]) -> dict[str, Any]:
            images = self._varied(patch, _seed_pair(seed, number))
            images = {k: from_grey_levels(v) for k, v in images.items()}
            return {**images, "pair": patch["pair"]}

        return (
            patches.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
            .batch(batch_size, drop_remainder=True)
            .prefetch(tf.data.AUTOTUNE)
        )

    def _numbered_patches(self, epoch: int) -> tf.data.Dataset:
        """Return the patches in the order of the shuffled pairs, counted."""
        seed = self._epoch_seed(epoch)
        pairs = self._pairs.shuffle(
            self._shuffled, seed=seed, reshuffle_each_iteration=False
        )

        def decode(
            number: tf.Tensor, indexed: tuple[tf.Tensor, dict[str, Any]]
        ) -> tuple[dict[str, Any], dict[str, Any], tf.Tensor]:
            index, pair = indexed
            allowed = tf.io.decode_png(pair["places"])[..., 0] > 0
            corners = patch_corners(
                allowed, self._sampling, _seed_pair(seed, number)
            )
            about = {"pair": index, "circular": pair["circular"]}
            return self._decode(pair), about, corners

        def cut(
            images: dict[str, Any], about: dict[str, Any], corners: tf.Tensor
        ) -> tf.data.Dataset:
            return tf.data.Dataset.from_tensor_slices(corners).map(
                lambda corner: {
                    **cut_patch(images, corner, self._sampling),
                    **about,
                }
            )

        decoded = pairs.enumerate().map(
            decode, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        return decoded.flat_map(cut).enumerate()

    def _varied(self, patch: dict[str, Any], seed: tf.Tensor) -> dict[str, Any]:
        """Return a patch masked, flipped, turned and lit anew."""
        sampling = self._sampling
        seeds = tf.random.split(seed, 2)
        images = {name: patch[name] for name in IMAGES}
        if sampling.rotation:
            images = turn_at_random(images, sampling.rotation, seeds[0])
        images = mask_patch(images, patch["circular"], sampling)
        if sampling.flip:
            images = flip_at_random(images, seed)
        if sampling.photometric:
            images["fundus"] = vary_light(
                images["fundus"], sampling.photometric, seeds[1]
            )
        return images

    def _epoch_seed(self, epoch: int) -> int:
        return self._seed * 1_000_003 + epoch

    def _placed(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return a compressed pair with the map of where patches may lie."""
        mask = self._features["valid_mask"].decode_example(record["valid_mask"])
        size = tf.shape(mask)[:2]
        fits = tf.reduce_all(
            size >= (self._sampling.height, self._sampling.width)
        )
        allowed = tf.cond(
            fits,
            lambda: allowed_places(mask, self._sampling),
            lambda: tf.zeros([1, 1], tf.bool),
        )
        map_ = tf.cast(allowed, tf.uint8)[..., None] * 255
        return {
            **{name: record[name] for name in IMAGES},
            "name": record["pair"],
            "size": size,
            "circular": record["circular"],
            "places": tf.io.encode_png(map_),
            "count": tf.math.count_nonzero(allowed),
        }

    def _count(self) -> int:
        """Return the patches in an epoch; learn the names of the pairs."""
        height, width = self._sampling.height, self._sampling.width
        total = 0
        for pair in self._counted():
            self.pair_ids.append(pair["name"].decode())
            size = pair["size"]
            if size[0] < height or size[1] < width:
                raise InputError(
                    f"--patch_height={height} --patch_width={width}: a pair of"
                    f" the dataset has only {size[0]}x{size[1]} pixels (height"
                    " x width)"
                )
            if self._sampling.stride is not None:
                total += int(pair["count"])
            elif pair["count"]:
                total += self._sampling.crops_per_pair
        if not total:
            raise InputError(
                f"--min_valid={self._sampling.min_valid}: no {height}x{width}"
                " patch lies that far inside the valid mask of any pair; lower"
                " it or the patch size"
            )
        return total

    def _counted(self) -> Iterator[dict[str, Any]]:
        """Yield every pair once; cached ones are then read no more."""
        with self._dataset.reading():
            for _, pair in self._pairs.as_numpy_iterator():
                self._dataset.check_identifiers({"pair": pair["name"]})
                yield pair

    def _decode(self, pair: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._features[name].decode_example(pair[name])
            for name in IMAGES
        }


def share_of_worker(
    batches: tf.data.Dataset, context: tf.distribute.InputContext
) -> tf.data.Dataset:
    """Return what one worker trains on of the batches of all.

    Of every R batches, which are one step of R replicas, the worker
    `input_pipeline_id` of `num_input_pipelines` gets those of its own
    replicas, in order. So no two workers share a batch, all take equally many
    steps if R divides the number of batches, and together they train on what
    one machine with R replicas would. Every worker reads all files.

    Args:
        batches: one a replica in turn; the same on every worker.
        context: of the worker.
    """
    workers = context.num_input_pipelines
    replicas = context.num_replicas_in_sync
    if workers == 1:
        return batches
    numbered = batches.enumerate().filter(
        lambda number, _: (
            number % replicas * workers // replicas == context.input_pipeline_id
        )
    )
    return numbered.map(lambda _, batch: batch)


def validation_pairs(
    dataset: PreparedDataset, replicas: int
) -> tf.data.Dataset:
    """Return the pairs of the validation split as single full frames.

    Args:
        dataset: whose validation split is read.
        replicas: the last pair is repeated with weight 0 until the number of
            elements is a multiple of this.

    Returns:
        Dataset of batches of one: `fundus`, `ffa`, `valid_mask` uint8
        [1, H, W, C] and `weight` float32 [1].

    Raises:
        InputError: the split is absent or empty.
    """
    pairs = dataset.pairs("validation", IMAGES)
    padding = -int(pairs.cardinality()) % replicas
    real = pairs.map(lambda pair: {**pair, "weight": tf.constant(1.0)})
    repeated = pairs.take(1).repeat(padding)
    repeated = repeated.map(lambda p: {**p, "weight": tf.constant(0.0)})
    return real.concatenate(repeated).batch(1).prefetch(2)


def _seed_pair(seed: int, number: tf.Tensor) -> tf.Tensor:
    return tf.stack([tf.constant(seed, tf.int64), tf.cast(number, tf.int64)])
