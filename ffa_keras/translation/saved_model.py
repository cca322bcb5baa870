"""A SavedModel as a translator."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from ffa_keras.translation.answers import Translator, of_endpoint
from ffa_keras.translation.endpoint import SERVING_DEFAULT


def load(folder: Path) -> Translator:
    """Return the translator of a folder, as `forms.load_translator` does.

    Args:
        folder: of one version.
    """
    # The loaded object must outlive its signatures.
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures[SERVING_DEFAULT]
    (name,) = serve.structured_input_signature[1]

    def run(batch: np.ndarray, _: Any = loaded) -> tf.Tensor:
        (ffa,) = serve(**{name: tf.constant(batch)}).values()
        return ffa

    return of_endpoint(run, folder)
