"""A trained generator in any of its forms, behind one function."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.inference.strips import translate_in_strips
from ffa_keras.models import ResnetGenerator
from ffa_keras.training.runs import (
    CONFIG_NAME,
    GENERATOR_NAME,
    load_generator,
)
from ffa_keras.translate import check_answer, to_picture, translate

# Fundus uint8 [H, W, 3] to FFA uint8 [H, W, 1].
Translator = Callable[[np.ndarray], np.ndarray]

_SIGNATURE = "serving_default"
# In the archive behind a TFLite file.
_METADATA_NAME = "metadata.json"
# Of photographs, pixels.
SMALLEST_SIDE = 16
# What a model must answer before any photograph is read.
_PROBE = np.full((SMALLEST_SIDE, SMALLEST_SIDE + 8, 3), 128, np.uint8)
# Above, a Keras generator works in strips: at once it takes more than three
# gigabytes a megapixel.
_MOST_PIXELS_AT_ONCE = 2**20
# Above, what cannot work in strips refuses: it would need 14 gigabytes.
MOST_PIXELS_WHOLE = 2**22


def load_translator(model: str | Path) -> Translator:
    """Load a generator from wherever it is.

    Args:
        model: a run folder, a `.keras` file, a SavedModel (its folder, or the
            one with its versions, of which the largest is taken), or a
            `.tflite` file.

    Returns:
        Function from fundus uint8 [H, W, 3], RGB, to FFA uint8 [H, W, 1]. It
        raises `InputError` for an image of fewer than 16 pixels a side, and
        for one of more than 4 megapixels unless the model is a
        `ResnetGenerator` of Keras, which works in strips.

    Raises:
        InputError: nothing of the kind is there, it cannot be loaded, or it
            does not answer a photograph with one channel of its size.
    """
    path = Path(model)
    if not model or not path.exists():
        raise InputError(f"--model={model}: no such file or folder")
    load = _loader(path)
    try:
        answer = load(path)
        answer(_PROBE)
    except InputError as error:
        if str(error).startswith("--"):
            raise
        raise InputError(f"--model={model}: {error}") from error
    # Whatever a file that is no model of ours makes of the libraries.
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(
            f"--model={model}: cannot be loaded ({reason}); export it again or"
            " name another"
        ) from error

    def checked(fundus: np.ndarray) -> np.ndarray:
        if min(fundus.shape[:2]) < SMALLEST_SIDE:
            height, width = fundus.shape[:2]
            raise InputError(
                f"{width}x{height} pixels: too small, give at least"
                f" {SMALLEST_SIDE} a side"
            )
        return answer(fundus)

    return checked


def fingerprint(model: str | Path) -> str:
    """Return what tells one model from another, whatever its folder's name.

    Args:
        model: as `load_translator` takes it; it must exist.

    Returns:
        Kind of the model and 12 hexadecimal digits of the SHA-256 of its
        files; for a SavedModel also its version.
    """
    path = Path(model)
    if path.is_dir() and (path / CONFIG_NAME).is_file():
        path = path / GENERATOR_NAME
    kind = "Keras" if path.suffix == ".keras" else "TFLite"
    if path.is_dir():
        path = _newest_version(path)
        version = path.resolve().name
        kind = f"SavedModel {version}" if version.isdecimal() else "SavedModel"
    files = sorted(path.glob("**/*")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        if file.is_file():
            digest.update(file.read_bytes())
    return f"{kind}, SHA-256 {digest.hexdigest()[:12]}"


def _loader(path: Path) -> Callable[[Path], Translator]:
    if path.suffix == ".tflite":
        return _load_tflite
    if path.suffix == ".keras":
        return _load_keras
    if (path / CONFIG_NAME).is_file():
        return _load_run
    if (path / "saved_model.pb").is_file() or _versions(path):
        return _load_saved_model
    raise InputError(
        f"--model={path}: expected a run folder, a SavedModel, or a .keras or"
        " .tflite file"
    )


def _load_run(path: Path) -> Translator:
    return _translator_of(load_generator(path))


def _load_keras(path: Path) -> Translator:
    return _translator_of(keras.saving.load_model(path, compile=False))


def _translator_of(generator: keras.Model) -> Translator:
    def answer(fundus: np.ndarray) -> np.ndarray:
        large = fundus.shape[0] * fundus.shape[1] > _MOST_PIXELS_AT_ONCE
        if large and isinstance(generator, ResnetGenerator):
            return translate_in_strips(generator, fundus)
        _check_fits(fundus)
        return translate(generator, fundus)

    return answer


def _load_saved_model(path: Path) -> Translator:
    path = _newest_version(path)
    # The loaded object must outlive its signatures.
    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures[_SIGNATURE]
    (name,) = serve.structured_input_signature[1]

    def answer(fundus: np.ndarray, _=loaded) -> np.ndarray:
        _check_fits(fundus)
        (ffa,) = serve(**{name: tf.constant(_batch(fundus))}).values()
        check_answer(ffa, fundus)
        return to_picture(ffa.numpy())

    return answer


def _load_tflite(path: Path) -> Translator:
    from ai_edge_litert.interpreter import Interpreter

    _check_undamaged(path)
    interpreter = Interpreter(model_path=str(path), num_threads=os.cpu_count())
    (name,) = interpreter.get_signature_list()[_SIGNATURE]["inputs"]
    serve = interpreter.get_signature_runner(_SIGNATURE)

    def answer(fundus: np.ndarray) -> np.ndarray:
        _check_fits(fundus)
        (ffa,) = serve(**{name: _batch(fundus)}).values()
        check_answer(ffa, fundus)
        return to_picture(ffa)

    return answer


def _check_undamaged(path: Path) -> None:
    """Refuse a TFLite file whose model is not what its metadata says.

    LiteRT runs a file with a changed weight without a word. The metadata is
    an archive behind the model; files of other programs have none.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(_METADATA_NAME)
        wanted = json.loads(archive.read(entry)).get("sha256")
        model = path.read_bytes()[: entry.header_offset]
    if wanted and wanted != hashlib.sha256(model).hexdigest():
        raise InputError("the file is damaged; copy or export it again")


def _versions(path: Path) -> list[Path]:
    return [
        folder.parent
        for folder in path.glob("*/saved_model.pb")
        if folder.parent.name.isdecimal()
    ]


def _newest_version(path: Path) -> Path:
    versions = _versions(path)
    return max(versions, key=lambda v: int(v.name)) if versions else path


def _check_fits(fundus: np.ndarray) -> None:
    """Refuse a photograph that would be translated as a whole."""
    height, width = fundus.shape[:2]
    if height * width > MOST_PIXELS_WHOLE:
        raise InputError(
            f"{width}x{height} pixels: more than {MOST_PIXELS_WHOLE} need a"
            " model that works in strips; name the run folder or .keras file"
            " of a ResNet generator"
        )


def _batch(fundus: np.ndarray) -> np.ndarray:
    return fundus[None].astype(np.float32)
