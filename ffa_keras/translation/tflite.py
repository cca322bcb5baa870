"""A TFLite file as a translator; LiteRT runs it, without TensorFlow."""

import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from ffa_keras.translation.answers import Translator, of_endpoint
from ffa_keras.translation.endpoint import SERVING_DEFAULT, of_size


def load(file: Path) -> Translator:
    """Return the translator of a file, as `forms.load_translator` does.

    Args:
        file: `.tflite`.
    """
    interpreter = Interpreter(model_path=str(file), num_threads=os.cpu_count())
    signatures = interpreter.get_signature_list()
    (name,) = signatures[SERVING_DEFAULT]["inputs"]

    @functools.cache
    def server(signature: str) -> Callable[..., dict[str, np.ndarray]]:
        return interpreter.get_signature_runner(signature)

    def run(batch: np.ndarray) -> np.ndarray:
        # Of known sizes much more is done by XNNPACK.
        own = of_size(*batch.shape[1:3])
        serve = server(own if own in signatures else SERVING_DEFAULT)
        (ffa,) = serve(**{name: batch}).values()
        return ffa

    return of_endpoint(run, file)
