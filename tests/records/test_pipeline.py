"""Batches: the same for the same seed, resumable, from the right split."""

import dataclasses

import cv2
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling, circle
from ffa_keras.records.pipeline import (
    TrainingPatches,
    share_of_worker,
    validation_pairs,
)

GRID = PatchSampling(64, 48, stride=40, min_valid=0.5)
CROPS = PatchSampling(64, 48, crops_per_pair=3)


def _collect(batches):
    return [batch["ffa"].numpy() for batch in batches]


def _as_set(batches):
    return {patch.tobytes() for batch in batches for patch in batch}


@pytest.fixture(scope="module")
def crops(dataset):
    return TrainingPatches(dataset, CROPS, seed=1)


def test_batches_are_network_values_of_the_patch_size(crops):
    batch = next(iter(crops.epoch(0, batch_size=4)))
    assert batch["fundus"].shape == (4, 64, 48, 3)
    assert batch["ffa"].shape == (4, 64, 48, 1)
    for images in (batch["fundus"], batch["ffa"]):
        assert images.dtype == tf.float32
        assert -1 <= np.min(images) < np.max(images) <= 1


def test_every_patch_says_which_pair_it_was_cut_from(dataset):
    unflipped = dataclasses.replace(CROPS, flip=False)
    crops = TrainingPatches(dataset, unflipped, seed=1)
    pairs = list(dataset.pairs("train"))
    assert crops.pair_ids == [p["pair"].numpy().decode() for p in pairs]
    for patch in crops.epoch(0, batch_size=1):
        pair = pairs[int(patch["pair"][0])]
        frame = np.where(pair["valid_mask"], pair["ffa"], 0)[..., 0]
        cut = np.round(127.5 * (patch["ffa"][0] + 1)).astype(np.uint8)
        distance = cv2.matchTemplate(frame, cut, cv2.TM_SQDIFF)
        y, x = np.unravel_index(distance.argmin(), distance.shape)
        height, width = cut.shape[:2]
        found = frame[y : y + height, x : x + width]
        np.testing.assert_array_equal(found, cut[..., 0])


def test_an_epoch_has_the_promised_number_of_full_batches(crops):
    pairs = len(crops.pair_ids)
    assert crops.num_patches == 3 * pairs
    assert len(_collect(crops.epoch(0, 4))) == crops.steps(4)
    assert crops.steps(4) == 3 * pairs // 4


def test_the_same_seed_and_epoch_give_the_same_batches(crops, dataset):
    again = TrainingPatches(dataset, CROPS, seed=1)
    other = TrainingPatches(dataset, CROPS, seed=2)
    first = _collect(crops.epoch(5, 2))
    np.testing.assert_array_equal(first, _collect(again.epoch(5, 2)))
    assert not np.array_equal(first, _collect(crops.epoch(6, 2)))
    assert not np.array_equal(first, _collect(other.epoch(5, 2)))


def test_skipped_batches_leave_the_rest_of_the_epoch_as_it_was(crops):
    whole = _collect(crops.epoch(3, 2))
    np.testing.assert_array_equal(
        whole[5:], _collect(crops.epoch(3, 2, skip=5))
    )


def test_grid_patches_come_once_each_in_another_order(dataset):
    still = PatchSampling(64, 48, stride=40, min_valid=0.5, flip=False)
    patches = TrainingPatches(dataset, still, seed=0)
    first, second = (_collect(patches.epoch(e, 1)) for e in (0, 1))
    assert len(first) == patches.num_patches
    assert _as_set(first) == _as_set(second)
    assert not np.array_equal(first, second)


def test_patches_come_from_the_training_split_only(dataset):
    still = PatchSampling(128, 128, stride=64, min_valid=0.1, flip=False)
    patches = TrainingPatches(dataset, still, seed=0)
    served = _as_set(
        np.round((b["ffa"].numpy() + 1) * 127.5).astype(np.uint8)
        for b in patches.epoch(0, 1)
    )
    frames = {
        split: {
            np.where(p["valid_mask"] > 0, p["ffa"], 0)
            .astype(np.uint8)
            .tobytes()
            for p in dataset.pairs(split).as_numpy_iterator()
        }
        for split in ("train", "validation", "test")
    }
    assert served == frames["train"]
    assert not served & (frames["validation"] | frames["test"])


def test_fundus_and_ffa_are_flipped_alike(dataset):
    flipping = PatchSampling(128, 128, stride=64, min_valid=0.1)
    patches = TrainingPatches(dataset, flipping, seed=0)
    for batch in patches.epoch(0, 1).take(6):
        # Outside the valid mask both are black, and only there both are.
        black = [np.all(batch[k][0] == -1, axis=-1) for k in batch]
        assert np.mean(black[0] & black[1]) >= 0.95 * np.mean(black[0])


@pytest.mark.parametrize(
    ("sampling", "workers", "replicas"), [(GRID, 2, 2), (CROPS, 3, 1)]
)
def test_workers_train_together_on_what_one_machine_would(
    dataset, sampling, workers, replicas
):
    """Disjoint, in step, and the same after a resumption."""
    patches = TrainingPatches(dataset, sampling, seed=4)
    total = workers * replicas
    steps = patches.steps(2 * total) - 1
    batches = patches.epoch(1, 2, skip=total).take(steps * total)
    shares = []
    for worker in range(workers):
        context = tf.distribute.InputContext(workers, worker, total)
        shares.append(_collect(share_of_worker(batches, context)))
    assert [len(share) for share in shares] == [steps * replicas] * workers
    together = [
        batch
        for step in range(steps)
        for share in shares
        for batch in share[step * replicas : (step + 1) * replicas]
    ]
    np.testing.assert_array_equal(together, _collect(batches))


def test_a_collection_beyond_memory_gives_the_same_patches(dataset):
    still = dataclasses.replace(GRID, flip=False)
    cached = TrainingPatches(dataset, still, seed=0)
    read = TrainingPatches(dataset, still, seed=0, memory=60_000)
    first, again = (_collect(read.epoch(2, 1)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    from_memory = _collect(cached.epoch(2, 1))
    assert _as_set(first) == _as_set(from_memory)
    # Fewer pairs are shuffled at a time.
    assert not np.array_equal(first, from_memory)


def test_discs_are_masked_and_squares_are_not(dataset):
    """Phantoms have fields of view of both kinds."""
    sampling = PatchSampling(
        96, 96, crops_per_pair=1, min_valid=0.6, circular_mask="auto"
    )
    patches = TrainingPatches(dataset, sampling, seed=0)
    corner = circle(96, 96)[..., 0]
    circular = {
        record["pair"].decode(): bool(record["circular"])
        for record in dataset.pairs("train").as_numpy_iterator()
    }
    assert set(circular.values()) == {True, False}
    for batch in patches.epoch(0, 1):
        black = np.all(batch["fundus"][0] == -1, axis=-1)
        if circular[patches.pair_ids[int(batch["pair"][0])]]:
            assert black[~corner].all()
        else:
            assert not black[~corner].all()


def test_variations_follow_the_seed(dataset):
    varied = dataclasses.replace(CROPS, rotation=20.0, photometric=0.1)
    plain, first, again = (
        _collect(TrainingPatches(dataset, s, seed=1).epoch(0, 2))
        for s in (CROPS, varied, varied)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(plain, first)


@pytest.mark.parametrize("replicas", [1, 2, 5])
def test_validation_is_padded_with_pairs_that_do_not_count(dataset, replicas):
    pairs = list(validation_pairs(dataset, replicas))
    real = int(dataset.pairs("validation").cardinality())
    assert len(pairs) % replicas == 0
    assert sum(float(pair["weight"][0]) for pair in pairs) == real


def test_a_dataset_knows_how_many_pairs_it_yields(dataset):
    for split in dataset.splits:
        yielded = sum(1 for _ in dataset.records(split, ["pair"]))
        assert dataset.num_records(split) == yielded > 0


def test_pairs_stay_compressed_when_asked(dataset):
    pair = next(iter(dataset.pairs("train", decode=False)))
    assert pair["fundus"].dtype == tf.string


def test_a_dataset_is_found_from_any_folder_above_it(phantom_dataset):
    found = PreparedDataset.find(phantom_dataset).folder
    assert (found / "dataset_info.json").is_file()
    assert PreparedDataset.find(found).folder == found


def test_only_the_features_that_are_asked_for_are_read(dataset):
    (record, *_) = dataset.records("train", ["pair", "ffa"])
    assert set(record) == {"pair", "ffa"}
    with pytest.raises(ValueError, match="no such features: .*unheard_of"):
        dataset.pairs("train", ["pair", "unheard_of"])
    assert record["ffa"].shape == (128, 128, 1)
    assert "truth" not in dataset.splits
    with pytest.raises(InputError, match="the truth split is empty"):
        dataset.pairs("truth")


def test_no_dataset_or_two_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds no prepared dataset"):
        PreparedDataset.find(tmp_path)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "dataset_info.json").touch()
    with pytest.raises(InputError, match="holds more than one dataset"):
        PreparedDataset.find(tmp_path)


def test_a_patch_larger_than_a_pair_is_refused(dataset):
    with pytest.raises(InputError, match="--patch_height=129"):
        TrainingPatches(dataset, PatchSampling(129, 48), seed=0)
