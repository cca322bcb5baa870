"""The endpoints that leave the project, for the SavedModel and TFLite.

Values are grey levels: files, cameras and viewers speak 0-255.
"""

import functools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from ffa_keras.errors import InputError, one_line
from ffa_keras.inference.label import LABEL, PNG_START, text_chunks
from ffa_keras.ops import (
    from_grey_levels,
    saliency_map,
    to_grey_levels,
    to_picture,
)
from ffa_keras.translation.scale import SMALLEST_SIDE

from .encoded import assert_size, decode
from .endpoints import (
    ENCODED,
    FFA,
    FFA_BYTES,
    FUNDUS,
    FUNDUS_BYTES,
    NETWORK,
    SALIENCY,
    SERVING_DEFAULT,
    WITH_SALIENCY,
)
from .fixed_size import run_fixed

# Any batch, any height and width from 16 pixels, 4 megapixels in all; RGB.
FUNDUS_SPEC = tf.TensorSpec([None, None, None, 3], tf.float32, FUNDUS)
FUNDUS_BYTES_SPEC = tf.TensorSpec([None], tf.string, FUNDUS_BYTES)


class ExportedGenerator(tf.Module):
    """A generator with the endpoints that others call.

    `serving_default` takes `fundus` in grey levels and answers `ffa` in grey
    levels; `with_saliency` adds `saliency`; `encoded` takes image files and
    answers PNG files; `network` takes and answers network values in [-1, 1].

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        dtype: floating-point type in which its weights are kept; whatever it
            is, they are cast to their own before use.

    Raises:
        InputError: it takes or answers something else.
    """

    def __init__(self, generator: keras.Model, dtype: str = "float32"):
        super().__init__()
        _check_shapes(generator)
        variables = [
            *generator.trainable_variables,
            *generator.non_trainable_variables,
        ]
        # Named one by one: left to the Keras model, some are not restored by
        # the loader of TensorFlow Serving, nor frozen into TFLite.
        self.weights = [_kept(v.value, dtype) for v in variables]

        # In functions, which no SavedModel looks into: the weights that Keras
        # tracks would be stored a second time.
        def run(
            network: Callable[..., tf.Tensor], fundus: tf.Tensor
        ) -> tf.Tensor:
            values = [
                (variable, tf.cast(weight, variable.dtype))
                for variable, weight in zip(
                    variables, self.weights, strict=True
                )
            ]
            with keras.StatelessScope(values):
                return network(fundus)

        self._run = lambda fundus: run(generator, fundus)
        self._run_fixed = lambda fundus: run(
            functools.partial(run_fixed, generator), fundus
        )

    @tf.function(input_signature=[FUNDUS_SPEC])
    def serve(self, fundus: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate grey levels to grey levels.

        Args:
            fundus: float32 [B, H, W, 3], RGB, 0-255.

        Returns:
            `ffa`, float32 [B, H, W, 1], 0-255.
        """
        return _answer(self._generate(from_grey_levels(fundus)))

    def serve_at(self, height: int, width: int) -> Callable[..., tf.Tensor]:
        """Return `serve` for single photographs of one size, for XNNPACK.

        Args:
            height: of the photographs, pixels.
            width: of the photographs, pixels.
        """
        spec = tf.TensorSpec([1, height, width, 3], tf.float32, FUNDUS)
        return tf.function(
            lambda fundus: _answer(self._run_fixed(from_grey_levels(fundus))),
            input_signature=[spec],
        )

    @tf.function(input_signature=[FUNDUS_SPEC])
    def network(self, fundus: tf.Tensor) -> dict[str, tf.Tensor]:
        """Translate network values to network values.

        Args:
            fundus: float32 [B, H, W, 3], RGB, in [-1, 1].

        Returns:
            `ffa`, float32 [B, H, W, 1], in [-1, 1].
        """
        return {FFA: self._generate(fundus)}

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
            fundus_bytes: string [B], each a PNG, JPEG, BMP or GIF file of at
                most 4 megapixels.

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

    def _generate(self, fundus: tf.Tensor) -> tf.Tensor:
        """Run the network on as many pixels as memory can hold."""
        shape = tf.shape(fundus, tf.int64)
        with tf.control_dependencies(assert_size(shape[:3])):
            return self._run(tf.identity(fundus))

    def _translate_file(self, content: tf.Tensor) -> tf.Tensor:
        fundus = tf.cast(decode(content), tf.float32)
        ffa = to_picture(self.serve(fundus[None])[FFA][0])
        png = tf.io.encode_png(ffa)
        return tf.strings.join(
            [
                tf.strings.substr(png, 0, PNG_START),
                tf.constant(text_chunks(LABEL)),
                tf.strings.substr(png, PNG_START, -1),
            ]
        )

    @property
    def signatures(self) -> dict[str, Any]:
        """The endpoints by name."""
        return {
            SERVING_DEFAULT: self.serve,
            WITH_SALIENCY: self.with_saliency,
            ENCODED: self.encoded,
            NETWORK: self.network,
        }


def _answer(ffa: tf.Tensor) -> dict[str, tf.Tensor]:
    return {FFA: tf.clip_by_value(to_grey_levels(ffa), 0.0, 255.0)}


def _kept(weight: tf.Tensor, dtype: str) -> tf.Variable:
    """Return a copy of a weight; counters keep their own type."""
    floating = weight.dtype.is_floating
    return tf.Variable(tf.cast(weight, dtype) if floating else weight)


def _check_shapes(generator: keras.Model) -> None:
    """Refuse a model that is no generator before its graphs are drawn."""
    size = (1, SMALLEST_SIDE, SMALLEST_SIDE + 8)
    try:
        answer = tuple(generator(tf.zeros((*size, 3))).shape)
    # Whatever another model's layers make of such an input.
    except Exception as error:
        raise InputError(
            f"the model takes no photographs [B, H, W, 3] of any size"
            f" ({one_line(error)[:200]}); export a generator that ffa_keras"
            " has trained"
        ) from error
    if answer != (*size, 1):
        raise InputError(
            f"the model answers {answer} to {(*size, 3)}, where {(*size, 1)}"
            " is an angiogram; export a generator that ffa_keras has trained"
        )
