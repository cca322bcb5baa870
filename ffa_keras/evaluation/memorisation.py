"""Is a generated FFA nearer to a training image than to the truth?"""

import cv2
import numpy as np
import tensorflow as tf

_SIDE = 64


class TrainingImages:
    """The FFA images of the training split, to look for copies of them.

    Args:
        pairs: records of the training split with `ffa` uint8 [H, W, 1].
    """

    def __init__(self, pairs: tf.data.Dataset):
        self._signatures = np.stack(
            [_signature(pair["ffa"]) for pair in pairs.as_numpy_iterator()]
        )

    def nearest(self, real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
        """Say how near a generated FFA is to its truth and to the rest.

        Args:
            real: uint8 [H, W, 1].
            fake: uint8 [H, W, 1].

        Returns:
            Pearson correlations at 64x64 pixels: `own_similarity` with the
            real FFA, and `training_similarity` with the nearest training FFA;
            and `nearer_to_training`, 1 where the latter is the higher one.
            Flat images correlate with nothing: 0.
        """
        signature = _signature(fake)
        own = float(signature @ _signature(real))
        training = float((self._signatures @ signature).max())
        return {
            "own_similarity": own,
            "training_similarity": training,
            "nearer_to_training": float(training > own),
        }


def _signature(image: np.ndarray) -> np.ndarray:
    """Return a small image of mean 0 and norm 1, float64 [4096]."""
    small = cv2.resize(
        image[..., 0].astype(np.float64),
        (_SIDE, _SIDE),
        interpolation=cv2.INTER_AREA,
    ).ravel()
    small -= small.mean()
    norm = np.linalg.norm(small)
    return small / norm if norm else small
