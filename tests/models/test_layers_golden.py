"""Instance normalisation against TensorFlow Addons 0.23.0."""

from pathlib import Path

import numpy as np

from ffa_keras.models import InstanceNormalization


def test_instance_normalization_equals_tensorflow_addons():
    goldens = np.load(Path(__file__).parents[1] / "goldens" / "tfa.npz")
    layer = InstanceNormalization(epsilon=float(goldens["epsilon"]))
    layer.build(goldens["features"].shape)
    layer.gamma.assign(goldens["gamma"])
    layer.beta.assign(goldens["beta"])
    np.testing.assert_allclose(
        layer(goldens["features"]), goldens["instance_normalized"], atol=1e-5
    )
