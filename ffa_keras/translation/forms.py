"""A trained generator in any of its forms, behind one function."""

import dataclasses
import functools
import hashlib
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.models import ResnetGenerator
from ffa_keras.ops import from_grey_levels, to_picture
from ffa_keras.sums import check_sums, read_metadata
from ffa_keras.translation.appearance import take_appearance
from ffa_keras.translation.endpoint import (
    FIELD_DIAMETER,
    SERVING_DEFAULT,
    of_size,
)
from ffa_keras.translation.flips import AVERAGED
from ffa_keras.translation.run_folder import (
    generator_file,
    is_run_folder,
    locate,
)
from ffa_keras.translation.scale import at_field
from ffa_keras.translation.strips import translate_in_strips
from ffa_keras.translation.whole import (
    Translator,
    check_answer,
    trained_diameter,
    translate_native,
)

# Of photographs, pixels.
SMALLEST_SIDE = 16
# Above, a Keras generator works in strips: at once it takes more than three
# gigabytes a megapixel.
MOST_PIXELS_AT_ONCE = 2**20
# Above, what cannot work in strips refuses: it would need 14 gigabytes.
MOST_PIXELS_WHOLE = 2**22

# What a model must answer before any photograph is read.
_PROBE = np.full((SMALLEST_SIDE, SMALLEST_SIDE + 8, 3), 128, np.uint8)


@dataclasses.dataclass(frozen=True)
class Form:
    """A kind of file or folder that holds a generator.

    Attributes:
        name: as people call it.
        load: its translator.
    """

    name: str
    load: Callable[[Path], Translator]


def load_translator(
    model: str | Path, exemplar: np.ndarray | None = None
) -> Translator:
    """Load a generator from wherever it is.

    Args:
        model: `"pretrained"`, a run folder, a `.keras` file, a SavedModel (its
            folder, or the one with its versions, of which the largest is
            taken), or a `.tflite` file.
        exemplar: FFA image, uint8 [H, W, 1], whose appearance the answers
            take; only a `DisentangledGenerator` of Keras can.

    Returns:
        Function from fundus uint8 [H, W, 3], RGB, to FFA uint8 [H, W, 1]. It
        raises `InputError` for an image of fewer than 16 pixels a side, and
        for one of more than 4 megapixels unless the model is a
        `ResnetGenerator` of Keras, which works in strips.

    Raises:
        InputError: nothing of the kind is there, it cannot be loaded, or it
            does not answer a photograph with one channel of its size.
    """
    form, file = _find(model)
    try:
        # LiteRT runs a file with a changed weight without a word.
        check_sums(file)
        if exemplar is None:
            answer = form.load(file)
        elif form.load is _load_keras:
            answer = _load_keras(file, exemplar)
        else:
            raise InputError(
                f"a {form.name} has one appearance for good; leave --exemplar"
                " out, or name the run folder or .keras file"
            )
        answer(_PROBE)
    except InputError as error:
        raise InputError(f"--model={model}: {error}") from error
    # Whatever a file that is no model of ours makes of the libraries.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(
            f"--model={model}: cannot be loaded ({reason}); export it again or"
            " name another"
        ) from error
    return answer


def fingerprint(model: str | Path, averaged: bool = False) -> str:
    """Return what tells one model from another, whatever its folder's name.

    Args:
        model: as `load_translator` takes it.
        averaged: whether its answers are means over flips and turns.

    Returns:
        Form of the model and 12 hexadecimal digits of the SHA-256 of its
        files; for a SavedModel also its version; and whether it is averaged.

    Raises:
        InputError: nothing of the kind is there.
    """
    form, path = _find(model)
    name = form.name
    files = [path]
    if path.is_dir():
        version = path.resolve().name
        name += f" {version}" if version.isdecimal() else ""
        files = sorted(p for p in path.glob("**/*") if p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    name += f", SHA-256 {digest.hexdigest()[:12]}"
    return f"{name}, {AVERAGED}" if averaged else name


def translator_of(
    generator: keras.Model, at_once: int = MOST_PIXELS_AT_ONCE
) -> Translator:
    """Return the translator of a generator in memory, whole or in strips.

    Args:
        generator: fundus [B, H, W, 3] to FFA [B, H, W, 1], both in [-1, 1].
        at_once: pixels of a photograph above which a `ResnetGenerator` works
            in strips; others take any photograph as a whole.
    """

    def native(fundus: np.ndarray) -> np.ndarray:
        if takes_strips(generator, fundus.shape, at_once):
            return translate_in_strips(generator, fundus)
        return translate_native(generator, fundus)

    diameter = trained_diameter(generator)
    return lambda fundus: at_field(native, fundus, diameter)


def takes_strips(
    generator: keras.Model,
    shape: Sequence[int],
    at_once: int = MOST_PIXELS_AT_ONCE,
) -> bool:
    """Return whether a generator translates a photograph in strips.

    Args:
        generator: the model.
        shape: of the photograph, [H, W, 3].
        at_once: as for `translator_of`.
    """
    large = shape[0] * shape[1] > at_once
    return large and isinstance(generator, ResnetGenerator)


def _find(model: str | Path) -> tuple[Form, Path]:
    """Return the form of a model, and the file or folder that holds it."""
    path = locate(model)
    if not model or not path.exists():
        raise InputError(f"--model={model}: no such file or folder")
    if is_run_folder(path):
        path = generator_file(path)
    elif path.is_dir():
        versions = [
            file.parent
            for file in path.glob("*/saved_model.pb")
            if file.parent.name.isdecimal()
        ]
        path = max(versions, key=lambda v: int(v.name), default=path)
    kind = "saved_model.pb" if path.is_dir() else path.suffix
    if kind not in FORMS or (path.is_dir() and not (path / kind).is_file()):
        raise InputError(
            f"--model={model}: expected a run folder, a SavedModel, or a .keras"
            " or .tflite file"
        )
    return FORMS[kind], path


def _load_keras(file: Path, exemplar: np.ndarray | None = None) -> Translator:
    generator = keras.saving.load_model(file, compile=False)
    if exemplar is not None:
        take_appearance(generator, exemplar)
    _check_finite(generator(from_grey_levels(_PROBE[None])))
    in_strips = isinstance(generator, ResnetGenerator)
    most_pixels = math.inf if in_strips else MOST_PIXELS_WHOLE
    return _bounded(translator_of(generator), most_pixels)


def _load_saved_model(folder: Path) -> Translator:
    # The loaded object must outlive its signatures.
    loaded = tf.saved_model.load(str(folder))
    serve = loaded.signatures[SERVING_DEFAULT]
    (name,) = serve.structured_input_signature[1]

    def run(batch: np.ndarray, _: Any = loaded) -> tf.Tensor:
        (ffa,) = serve(**{name: tf.constant(batch)}).values()
        return ffa

    return _exported(run, folder)


def _load_tflite(file: Path) -> Translator:
    from ai_edge_litert.interpreter import Interpreter

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

    return _exported(run, file)


def _exported(
    run: Callable[[np.ndarray], tf.Tensor | np.ndarray], model: Path
) -> Translator:
    """Return the translator of an endpoint that speaks grey levels.

    Args:
        run: fundus float32 [1, H, W, 3] to FFA float32 [1, H, W, 1], 0-255.
        model: its file or folder, which may say what scale it knows.
    """

    def native(fundus: np.ndarray) -> np.ndarray:
        ffa = run(fundus[None].astype(np.float32))
        check_answer(ffa, fundus)
        _check_finite(ffa)
        return to_picture(ffa)[0].numpy()

    diameter = int(read_metadata(model).get(FIELD_DIAMETER, 0))
    bounded = _bounded(native)
    return _bounded(lambda f: at_field(bounded, f, diameter), math.inf)


def _bounded(
    translator: Translator, most_pixels: float = MOST_PIXELS_WHOLE
) -> Translator:
    """Return the same, but for photographs too small or too large for it."""

    def answer(fundus: np.ndarray) -> np.ndarray:
        height, width, _ = fundus.shape
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"{width}x{height} pixels: too small, give at least"
                f" {SMALLEST_SIDE} a side"
            )
        if height * width > most_pixels:
            raise InputError(
                f"{width}x{height} pixels: more than {most_pixels} need a"
                " model that works in strips; name the run folder or .keras"
                " file of a ResNet generator"
            )
        return translator(fundus)

    return answer


# By the suffix of the file, or by what a folder holds.
FORMS = {
    ".keras": Form("Keras", _load_keras),
    ".tflite": Form("TFLite", _load_tflite),
    "saved_model.pb": Form("SavedModel", _load_saved_model),
}


def _check_finite(answer: tf.Tensor | np.ndarray) -> None:
    if not np.isfinite(answer).all():
        raise InputError(
            "answers values that are no numbers; the model is damaged or its"
            " training diverged, name another"
        )
