"""What int8 is calibrated on."""

import numpy as np
import pytest

from export import agreement
from ffa_keras.records.dataset import load_pairs
from ffa_keras.translation.scale import field_diameter


@pytest.fixture
def photographs(phantom_dataset):
    pairs = load_pairs(phantom_dataset, "train").as_numpy_iterator()
    return [pair["fundus"].astype(np.float32) for pair in pairs]


def _holds(patches, wanted, atol):
    return any(
        patch.shape == (1, *wanted.shape)
        and np.allclose(patch[0], wanted, rtol=0, atol=atol)
        for patch in patches
    )


def test_of_photographs_that_no_export_takes_the_middle_is_compared(
    phantom_dataset, monkeypatch
):
    whole = agreement.held_out(phantom_dataset)
    sizes = agreement.frame_sizes(phantom_dataset)
    assert sizes == [(128, 128)]
    monkeypatch.setattr(agreement, "MOST_PIXELS_WHOLE", 100 * 100)
    assert agreement.frame_sizes(phantom_dataset) == []
    for fundus, middle in zip(
        whole, agreement.held_out(phantom_dataset), strict=True
    ):
        np.testing.assert_array_equal(middle, fundus[14:114, 14:114])


def test_calibration_sees_middles_and_whole_photographs(
    phantom_dataset, photographs, monkeypatch
):
    monkeypatch.setattr(agreement, "PATCH", 64)
    monkeypatch.setattr(agreement, "NUM_VIEWS", 32)
    monkeypatch.setattr(agreement, "SATURATIONS", (1.0,))
    monkeypatch.setattr(agreement, "BRIGHTNESSES", (1.0,))
    patches = agreement.calibration_patches(phantom_dataset)
    assert len(patches) == min(2 * len(photographs), 32)
    for fundus in photographs:
        assert _holds(patches, fundus[32:96, 32:96], 0)
        halves = fundus.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
        assert _holds(patches, halves, 0.5)


def test_calibration_varies_light_and_colour(phantom_dataset, photographs):
    patches = agreement.calibration_patches(phantom_dataset)
    assert len(patches) == 16
    for patch in patches:
        assert patch.dtype == np.float32
        assert patch.min() >= 0 and patch.max() <= 255
    usual = np.mean(photographs)
    light = [patch.mean() / usual for patch in patches]
    assert min(light) < 0.7 and max(light) > 1.2
    colour = [np.ptp(patch.mean(axis=(0, 1, 2))) for patch in patches]
    assert max(colour) > 4 * min(colour)


@pytest.mark.parametrize("dataset", ["prepared", "none"])
def test_photographs_come_to_the_field_that_the_generator_knows(
    phantom_dataset, tmp_path, dataset
):
    """As in inference: it never sees them at another size."""
    folder = phantom_dataset if dataset == "prepared" else tmp_path
    for fundus in agreement.held_out(folder, 64):
        assert abs(field_diameter(fundus) - 64) < 2


def test_calibration_sees_that_field_too(phantom_dataset):
    patches = agreement.calibration_patches(phantom_dataset, 64)
    assert max(max(patch.shape) for patch in patches) < 80
