"""The tiny dataset, opened."""

import pytest

from ffa_keras.records.dataset import PreparedDataset


@pytest.fixture(scope="session")
def dataset(phantom_dataset):
    """The dataset of 16 phantom pairs, 128x128."""
    return PreparedDataset.find(phantom_dataset)
