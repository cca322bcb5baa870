"""The builder, as TFDS tests all of its datasets."""

import os
import tempfile
from unittest import mock

import tensorflow_datasets as tfds

from datasets.ffa_pairs import ffa_pairs_dataset_builder


class PhantomTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = ffa_pairs_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [
        ffa_pairs_dataset_builder.PhantomConfig(
            name="phantom_tiny", num_pairs=5, image_size=64
        )
    ]
    SPLITS = {"train": 2, "validation": 2, "test": 1}


class FolderTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = ffa_pairs_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["folder"]
    SPLITS = {"train": 2, "validation": 1, "test": 1}

    def setUp(self):
        # The key of the hashes is made in the home of the user.
        home = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.dict(os.environ, HOME=home))
        super().setUp()


if __name__ == "__main__":
    tfds.testing.test_main()
