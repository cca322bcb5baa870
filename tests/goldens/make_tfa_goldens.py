r"""Record what TensorFlow Addons 0.23.0 computes, for tests to compare with.

TensorFlow Addons needs TensorFlow < 2.16, so it cannot be imported by the
tests. Run this once in an environment of its own; README.md says how.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_addons as tfa

MEDIAN_WINDOWS = (3, 5, 9, 15)
GAUSSIAN_WINDOW, GAUSSIAN_SIGMA = 7, 1.4
EPSILON = 1e-3


def main() -> None:
    """Write `tfa.npz` beside this file."""
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 256, (2, 20, 23, 2))
    ramp = np.linspace(0, 255, 23)[None, None, :, None]
    images = np.where(noise % 3, noise, ramp).astype(np.uint8)
    grey = images.astype(np.float32)
    record = {"images": images}
    for size in MEDIAN_WINDOWS:
        record[f"median_{size}"] = (
            tfa.image.median_filter2d(grey, (size, size), padding="REFLECT")
            .numpy()
            .astype(np.uint8)
        )
    record["gaussian_7"] = tfa.image.gaussian_filter2d(
        grey, (GAUSSIAN_WINDOW,) * 2, GAUSSIAN_SIGMA, padding="REFLECT"
    ).numpy()

    features = rng.normal(3, 2, (2, 9, 11, 5)).astype(np.float32)
    gamma = rng.normal(1, 0.5, 5).astype(np.float32)
    beta = rng.normal(0, 1, 5).astype(np.float32)
    layer = tfa.layers.InstanceNormalization(epsilon=EPSILON)
    layer.build(features.shape)
    layer.set_weights([gamma, beta])
    record |= {
        "features": features,
        "gamma": gamma,
        "beta": beta,
        "epsilon": np.float32(EPSILON),
        "instance_normalized": layer(tf.constant(features)).numpy(),
    }
    np.savez_compressed(Path(__file__).with_name("tfa.npz"), **record)


if __name__ == "__main__":
    main()
