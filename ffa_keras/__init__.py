"""Translate colour fundus photographs into fluorescein angiograms."""

import os
import sys
import warnings

__version__ = "0.1.0"


def _choose_backend() -> None:
    """Have Keras run on TensorFlow, whatever its settings say.

    Raises:
        ImportError: Keras was imported before, on another backend.
    """
    keras = sys.modules.get("keras")
    if keras is not None:
        backend = keras.config.backend()
        if backend != "tensorflow":
            raise ImportError(
                f"ffa_keras needs Keras on TensorFlow, and it runs on {backend}"
                " already: set KERAS_BACKEND=tensorflow before it is imported"
            )
    elif os.environ.setdefault("KERAS_BACKEND", "tensorflow") != "tensorflow":
        warnings.warn(
            f"KERAS_BACKEND={os.environ['KERAS_BACKEND']}: ffa_keras runs on"
            " TensorFlow only, which is what Keras will use",
            stacklevel=3,
        )
        os.environ["KERAS_BACKEND"] = "tensorflow"


_choose_backend()
