"""The endpoints that leave the project: their names and tensors.

The one source for the SavedModel, the TFLite file, their tests and the docs.
Values are grey levels: files, cameras and viewers speak 0-255.
"""

import keras
import tensorflow as tf

from ffa_keras.inference.files import LABEL, PNG_START, text_chunks
from ffa_keras.ops import from_grey_levels, saliency_map, to_grey_levels

FUNDUS = "fundus"
FFA = "ffa"
SALIENCY = "saliency"
# TensorFlow Serving sends strings as base64 where a name ends in `_bytes`.
FUNDUS_BYTES = "fundus_bytes"
FFA_BYTES = "ffa_bytes"

SERVING_DEFAULT = "serving_default"
NETWORK = "network"
ENCODED = "encoded"
WITH_SALIENCY = "with_saliency"

# Any batch, any height and width from 16 pixels; RGB.
FUNDUS_SPEC = tf.TensorSpec([None, None, None, 3], tf.float32, FUNDUS)
FUNDUS_BYTES_SPEC = tf.TensorSpec([None], tf.string, FUNDUS_BYTES)


class ExportedGenerator(tf.Module):
    """A generator with the endpoints that others call.

    `serving_default` takes `fundus` in grey levels and answers `ffa` in grey
    levels; `with_saliency` adds `saliency`; `encoded` takes image files and
    answers PNG files; `network` takes and answers network values in [-1, 1].

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
    """

    def __init__(self, generator: keras.Model):
        super().__init__()
        self.generator = generator
        # Named one by one: left to the Keras model, some are not restored by
        # the loader of TensorFlow Serving, nor frozen into TFLite.
        self.weights = [weight.value for weight in generator.weights]

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

    @tf.function(input_signature=[FUNDUS_SPEC])
    def with_saliency(self, fundus: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate grey levels and show what stands out (paper, Eq. 1).

        Args:
            fundus: float32 [B, H, W, 3], RGB, 0-255.

        Returns:
            `ffa`, float32 [B, H, W, 1], 0-255, and `saliency`, the same
            shape, grey levels.
        """
        ffa = self.serve(fundus)[FFA]
        return {FFA: ffa, SALIENCY: saliency_map(ffa)}

    @tf.function(input_signature=[FUNDUS_BYTES_SPEC])
    def encoded(self, fundus_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate image files to PNG files, each at its own size.

        Args:
            fundus_bytes: string [B], each a PNG, JPEG, BMP or GIF file.

        Returns:
            `ffa_bytes`, string [B]: 8-bit, single-channel PNG files that say
            in a text field that they are synthetic.
        """
        return {
            FFA_BYTES: tf.map_fn(
                self._translate_file,
                fundus_bytes,
                fn_output_signature=tf.string,
                parallel_iterations=1,
            )
        }

    def _translate_file(self, content: tf.Tensor) -> tf.Tensor:
        fundus = tf.cast(_decode(content), tf.float32)
        fundus.set_shape([None, None, 3])
        ffa = tf.round(self.serve(fundus[None])[FFA][0])
        png = tf.io.encode_png(tf.cast(ffa, tf.uint8))
        return tf.strings.join(
            [
                tf.strings.substr(png, 0, PNG_START),
                tf.constant(text_chunks(LABEL)),
                tf.strings.substr(png, PNG_START, -1),
            ]
        )

    @property
    def signatures(self) -> dict:
        """The endpoints by name."""
        return {
            SERVING_DEFAULT: self.serve,
            WITH_SALIENCY: self.with_saliency,
            ENCODED: self.encoded,
            NETWORK: self.network,
        }


def _decode(content: tf.Tensor) -> tf.Tensor:
    """Return uint8 [H, W, 3], for JPEG files the very pixels of OpenCV."""
    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(
            content, channels=3, dct_method="INTEGER_ACCURATE"
        ),
        lambda: tf.io.decode_image(
            content, channels=3, expand_animations=False
        ),
    )
