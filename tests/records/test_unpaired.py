"""Unpaired patches: photographs and FFA of different places, resumable."""

import numpy as np
import pytest

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
