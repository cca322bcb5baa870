"""The endpoints that leave the project: their names and tensors.

The one source for the SavedModel, the TFLite file, their tests and the docs.
Values are grey levels: files, cameras and viewers speak 0-255.
"""

import keras
import tensorflow as tf

from ffa_keras.ops import from_grey_levels, to_grey_levels

FUNDUS = "fundus"
FFA = "ffa"
SERVING_DEFAULT = "serving_default"
NETWORK = "network"

# Any batch, any height and width from 16 pixels; RGB.
FUNDUS_SPEC = tf.TensorSpec([None, None, None, 3], tf.float32, FUNDUS)


class ExportedGenerator(tf.Module):
    """A generator with the endpoints that others call.

    `serving_default` takes `fundus` in grey levels and answers `ffa` in grey
    levels; `network` takes and answers network values in [-1, 1].

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
    """

    def __init__(self, generator: keras.Model):
        super().__init__()
        self.generator = generator

    @tf.function(input_signature=[FUNDUS_SPEC])
    def serve(self, fundus: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate grey levels to grey levels.

        Args:
            fundus: float32 [B, H, W, 3], RGB, 0-255.

        Returns:
            `ffa`, float32 [B, H, W, 1], 0-255.
        """
        ffa = self.generator(from_grey_levels(fundus))
        return {FFA: tf.clip_by_value(to_grey_levels(ffa), 0.0, 255.0)}

    @tf.function(input_signature=[FUNDUS_SPEC])
    def network(self, fundus: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate network values to network values.

        Args:
            fundus: float32 [B, H, W, 3], RGB, in [-1, 1].

        Returns:
            `ffa`, float32 [B, H, W, 1], in [-1, 1].
        """
        return {FFA: self.generator(fundus)}

    @property
    def signatures(self) -> dict:
        """The endpoints by name."""
        return {SERVING_DEFAULT: self.serve, NETWORK: self.network}
