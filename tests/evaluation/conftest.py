"""A made-up prepared dataset, so that judging is tested in-process."""

import types

import numpy as np
import pytest
import tensorflow as tf


class MadeUpDataset:
    """Noise for eyes; as much of a prepared dataset as judging asks for."""

    split_by = "patient"

    def __init__(self, count=4, side=32, pair="{:064x}", category="normal"):
        self.count, self.side, self.pair = count, side, pair
        self.categories = [category, "large_focal"]
        split = types.SimpleNamespace(num_examples=count)
        self.info = types.SimpleNamespace(
            name="pairs",
            config_name="made_up",
            version="1.0.0",
            splits={"train": split, "test": split},
        )

    def num_records(self, split):
        return self.count

    def pairs(self, split, features):
        return tf.data.Dataset.range(self.count)

    def records(self, split, features):
        side = self.side
        for number in range(self.count):
            rng = np.random.default_rng(number)
            yield {
                "pair": self.pair.format((number + 1) << 224).encode(),
                "patient": f"patient {number}".encode(),
                "eye": f"eye {number}".encode(),
                "category": number % 2,
                "fundus": rng.integers(0, 256, (side, side, 3), np.uint8),
                "ffa": rng.integers(0, 256, (side, side, 1), np.uint8),
                "valid_mask": np.full((side, side, 1), 255, np.uint8),
                "leakage_mask": np.zeros((side, side, 1), np.uint8),
            }


@pytest.fixture
def made_up_dataset():
    return MadeUpDataset
