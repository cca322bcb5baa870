"""The builder, as TFDS tests all of its datasets."""

import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import pytest
import tensorflow_datasets as tfds

from datasets.ffa_pairs import ffa_pairs_dataset_builder
from datasets.ffa_pairs.configs import IsfahanConfig, PhantomConfig
from datasets.ffa_pairs.make_dummy_data import write_archive


class PhantomTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = ffa_pairs_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = [
        PhantomConfig(name="phantom_tiny", num_pairs=5, image_size=64)
    ]
    SPLITS = {"train": 2, "validation": 2, "test": 1}


class ManifestTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = ffa_pairs_dataset_builder.Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["folder", "hra"]
    SPLITS = {"train": 2, "validation": 1, "test": 1}

    def setUp(self) -> None:
        # The key of the hashes is made in the home of the user.
        home = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(mock.patch.dict(os.environ, HOME=home))
        super().setUp()


@pytest.mark.slow
class IsfahanTest(tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = ffa_pairs_dataset_builder.Builder
    SPLITS = {"train": 43, "validation": 4, "test": 12}

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp())
        write_archive(cls.folder / "archive")
        rows = [f"x,abnormal/{n}-{n}.jpg" for n in range(1, 31)]
        rows += [f"x,normal/{n}.jpg" for n in range(1, 30)]
        table = cls.folder / "affines.csv"
        table.write_text("".join(f"{row},1,0,0,0,1,0\n" for row in rows))
        cls.BUILDER_CONFIG_NAMES_TO_TEST = [
            IsfahanConfig(
                name="isfahan_made_up",
                archive=str(cls.folder / "archive"),
                affines=str(table),
            )
        ]
        super().setUpClass()

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()
        shutil.rmtree(cls.folder)


if __name__ == "__main__":
    tfds.testing.test_main()
