"""Unpaired patches: photographs and FFA of different places, resumable."""

import numpy as np
import pytest

from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches
from ffa_keras.records.unpaired import UnpairedPatches

CROPS = PatchSampling(64, 48, crops_per_pair=3, flip=False)


@pytest.fixture(scope="module")
def unpaired(dataset):
    return UnpairedPatches(dataset, CROPS, seed=1)


def test_photographs_and_ffa_mostly_come_from_different_pairs(unpaired):
    batches = list(unpaired.epoch(0, batch_size=2))
    assert len(batches) == unpaired.steps(2)
    pairs = np.stack([b["pair"].numpy() for b in batches])
    assert pairs.shape[1] == 4
    same = np.mean(pairs[:, :2] == pairs[:, 2:])
    # By chance one in as many as there are pairs.
    assert same < 0.5


def test_the_photographs_are_those_of_paired_training(unpaired, dataset):
    paired = TrainingPatches(dataset, CROPS, seed=1)
    for one, other in zip(
        unpaired.epoch(2, 2), paired.epoch(2, 2), strict=True
    ):
        np.testing.assert_array_equal(one["fundus"], other["fundus"])
        assert not np.array_equal(one["ffa"], other["ffa"])


def test_the_same_epoch_gives_the_same_batches_also_when_resumed(unpaired):
    whole = list(unpaired.epoch(1, batch_size=2))
    rest = list(unpaired.epoch(1, batch_size=2, skip=3))
    for one, other in zip(whole[3:], rest, strict=True):
        for name in ("fundus", "ffa", "pair"):
            np.testing.assert_array_equal(one[name], other[name])


def test_every_ffa_is_a_patch_of_the_training_split(unpaired):
    batches = list(unpaired.epoch(0, batch_size=1))
    counts = np.bincount([int(b["pair"][1]) for b in batches])
    assert (counts == CROPS.crops_per_pair).all()


def test_without_pairs_photographs_and_ffa_come_from_pools_of_their_own(
    unpaired_dataset,
):
    dataset = PreparedDataset.find(unpaired_dataset)
    alone = UnpairedPatches(dataset, CROPS, seed=1)
    # Four photographs, of which an epoch shows each, and six FFA images.
    assert alone.num_patches == 4 * CROPS.crops_per_pair
    assert len(set(alone.pair_ids)) == 10
    seen = []
    for epoch in range(3):
        batches = list(alone.epoch(epoch, batch_size=2))
        assert len(batches) == alone.steps(2) == 6
        for batch in batches:
            # Neither is the black image beside another.
            assert batch["fundus"].numpy().std(axis=(1, 2, 3)).min() > 0.05
            assert batch["ffa"].numpy().std(axis=(1, 2, 3)).min() > 0.05
        pairs = np.stack([batch["pair"].numpy() for batch in batches])
        assert set(pairs[:, :2].ravel()) == {0, 1, 2, 3}
        seen += pairs[:, 2:].ravel().tolist()
    assert set(seen) == set(range(4, 10))
