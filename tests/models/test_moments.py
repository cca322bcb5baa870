"""Means to the last digits of float32."""

import numpy as np
import pytest

from ffa_keras.models.moments import spatial_mean


@pytest.mark.parametrize("shape", [(2, 9, 7, 3), (1, 768, 768, 4)])
def test_it_equals_numpy_in_float64(shape):
    images = np.random.default_rng(0).normal(3, 1, shape).astype(np.float32)
    expected = images.astype(np.float64).mean((1, 2), keepdims=True)
    mean = spatial_mean(images)
    assert mean.shape == (shape[0], 1, 1, shape[3])
    np.testing.assert_allclose(mean, expected, rtol=1e-6)
