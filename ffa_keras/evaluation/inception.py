"""KID and FID: do generated FFA images come from the right distribution?

The features are those of Keras' InceptionV3, not of the network of Heusel
2017, so the figures compare with each other and not with other papers'.
"""

from pathlib import Path

import cv2
import keras
import numpy as np

from ffa_keras.errors import InputError

_SIDE = 299


class InceptionFeatures:
    """Pooled features of InceptionV3.

    Args:
        weights: a Keras weights file of InceptionV3 without its top,
            `inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5`.

    Raises:
        InputError: no such file, or it holds something else.
    """

    def __init__(self, weights: str):
        if not Path(weights).is_file():
            raise InputError(f"--inception_weights={weights}: no such file")
        try:
            self._network = keras.applications.InceptionV3(
                include_top=False, weights=weights, pooling="avg"
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"--inception_weights={weights}: not weights of Keras'"
                f" InceptionV3 without top ({error})"
            ) from error

    def __call__(self, ffa: np.ndarray) -> np.ndarray:
        """Return the features of an image.

        Args:
            ffa: uint8 [H, W, 1].

        Returns:
            float64 [2048].
        """
        size = (_SIDE, _SIDE)
        small = cv2.resize(ffa[..., 0], size, interpolation=cv2.INTER_AREA)
        colours = np.repeat(small[None, ..., None], 3, axis=-1)
        inputs = keras.applications.inception_v3.preprocess_input(
            colours.astype(np.float32)
        )
        return np.asarray(self._network(inputs))[0].astype(np.float64)


def frechet_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Return FID (Heusel 2017).

    Args:
        real: float64 [N, D], features of real images, N at least 2.
        fake: float64 [M, D], features of generated images.

    Returns:
        0 or more; too high by a bias that falls with N and M.
    """
    mean = real.mean(0) - fake.mean(0)
    first, second = (
        (features - features.mean(0)) / np.sqrt(len(features) - 1)
        for features in (real, fake)
    )
    # The trace of the root of both covariances' product, which is singular for
    # fewer images than features, by the singular values of the images.
    root = np.linalg.svd(first @ second.T, compute_uv=False).sum()
    return float(mean @ mean + (first**2).sum() + (second**2).sum() - 2 * root)


def kernel_distance(real: np.ndarray, fake: np.ndarray) -> float:
    """Return KID (Binkowski 2018), which has no bias.

    Args:
        real: float64 [N, D], features of real images, N at least 2.
        fake: float64 [M, D], features of generated images.

    Returns:
        The unbiased squared maximum mean discrepancy under the kernel
        `(x . y / D + 1)^3`; may fall below 0.
    """

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return (first @ second.T / first.shape[1] + 1) ** 3

    def mean_of_others(features: np.ndarray) -> float:
        values, count = kernel(features, features), len(features)
        return (values.sum() - np.trace(values)) / (count * (count - 1))

    across = kernel(real, fake).mean()
    return float(mean_of_others(real) + mean_of_others(fake) - 2 * across)
