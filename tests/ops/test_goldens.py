"""The filters against TensorFlow Addons 0.23.0 (`tests/goldens`)."""

from pathlib import Path

import numpy as np
import pytest

from ffa_keras.ops import gaussian_filter2d, median_filter2d


@pytest.fixture(scope="module")
def goldens():
    return np.load(Path(__file__).parents[1] / "goldens" / "tfa.npz")


@pytest.mark.parametrize("window", [3, 5, 9, 15])
def test_median_equals_tensorflow_addons(goldens, window):
    np.testing.assert_array_equal(
        median_filter2d(goldens["images"], window, padding="REFLECT"),
        goldens[f"median_{window}"],
    )


def test_gaussian_equals_tensorflow_addons(goldens):
    filtered = gaussian_filter2d(goldens["images"], 7, padding="REFLECT")
    np.testing.assert_allclose(filtered, goldens["gaussian_7"], atol=1e-3)
