r"""Patches of the tf.data pipeline per second, beside merely decoding pairs.

    python -m benchmarks.input_pipeline --num_pairs=24 --image_size=768

Prepares phantom pairs in a temporary folder. The raw rate is that of decoding
the PNG images of the pairs from memory and doing nothing else. Seconds are
those of all processors together, so that other work on the machine does not
count: N cores give N times as many patches a second. The pipeline is timed over
whole epochs after a first one, which fills its cache; tracing an epoch's graph,
which takes the same time for any number of pairs, is left out.
"""

import tempfile
import time
from collections.abc import Callable

from ffa_keras import cli  # isort: skip  (before TensorFlow)

import tensorflow as tf
from absl import flags

from benchmarks.harness import figure, show_table
from datasets.ffa_pairs.configs import PhantomConfig
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches
from ffa_keras.records.schema import IMAGES

_NUM_PAIRS = flags.DEFINE_integer("num_pairs", 24, "Pairs to prepare.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 768, "Their side, pixels.")
_EPOCHS = flags.DEFINE_integer("epochs", 4, "Epochs of a measurement.")

_SAMPLINGS = {
    "1 crop of 256x256 a pair": PatchSampling(256, 256),
    "8 crops of 256x256 a pair": PatchSampling(256, 256, crops_per_pair=8),
    "the same, turned, lit, in discs": PatchSampling(
        256,
        256,
        crops_per_pair=8,
        rotation=10.0,
        photometric=0.1,
        circular_mask="auto",
    ),
    "grid of 512x512, stride 128": PatchSampling(
        512, 512, stride=128, min_valid=0.5
    ),
}


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        config = PhantomConfig(
            name="bench",
            num_pairs=_NUM_PAIRS.value,
            image_size=_IMAGE_SIZE.value,
        )
        dataset = PreparedDataset.find(write_dataset(config, folder))
        raw = _raw_rate(dataset)
        print(f"raw decoding: {raw:.1f} pairs per processor second\n")
        show_table(
            ("sampling", "patches/s", "of the raw rate", "pairs/s"),
            (
                _row(name, TrainingPatches(dataset, sampling, seed=0), raw)
                for name, sampling in _SAMPLINGS.items()
            ),
        )


def _row(name: str, patches: TrainingPatches, raw: float) -> tuple:
    rate = _rate(lambda epoch: patches.epoch(epoch, 1))
    pairs = rate * len(patches.pair_ids) / patches.num_patches
    return name, figure(rate, 0), figure(rate / raw, 2), figure(pairs, 1)


def _raw_rate(dataset: PreparedDataset) -> float:
    pairs = dataset.pairs("train", IMAGES, decode=False).cache()
    decoded = pairs.map(
        lambda r: {k: tf.io.decode_png(v) for k, v in r.items()},
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)
    return _rate(lambda _: decoded)


def _rate(epoch: Callable[[int], tf.data.Dataset]) -> float:
    """Return the elements a processor second, once epochs are traced."""
    for _ in epoch(0):
        pass
    epochs = [epoch(number) for number in range(1, _EPOCHS.value + 1)]
    start = time.process_time()
    count = sum(1 for dataset in epochs for _ in dataset)
    return count / (time.process_time() - start)


if __name__ == "__main__":
    cli.run(main)
