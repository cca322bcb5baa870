"""A trained generator in any of its forms, behind one function.

Each form is loaded by a module of its own, which is imported once a model has
that form: TensorFlow takes seconds, and a TFLite file does not need it.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from ffa_keras.errors import InputError
from ffa_keras.quiet import import_quietly, quiet_start
from ffa_keras.sums import check_sums
from ffa_keras.translation.answers import PROBE, Translator
from ffa_keras.translation.flips import AVERAGED
from ffa_keras.translation.places import generator_file, is_run_folder, locate


@dataclasses.dataclass(frozen=True)
class Form:
    """A kind of file or folder that holds a generator.

    Attributes:
        name: as people call it.
        module: whose `load` makes a translator of it.
        appearances: whether answers may have several: its `load` takes an
            exemplar as well, and it has `load_spread`.
    """

    name: str
    module: str
    appearances: bool = False


# By the suffix of the file, or by what a folder holds.
FORMS = {
    ".keras": Form("Keras", f"{__package__}.keras_model", appearances=True),
    ".tflite": Form("TFLite", f"{__package__}.tflite"),
    "saved_model.pb": Form("SavedModel", f"{__package__}.saved_model"),
}


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
    if exemplar is None:
        return _load(model, "load")
    return _load(model, "load", "exemplar", exemplar)


def load_spread(model: str | Path) -> Translator:
    """Load what tells how far answers in random appearances lie apart.

    Args:
        model: as `load_translator` takes it; only a `DisentangledGenerator` of
            Keras has appearances.

    Returns:
        Function from fundus uint8 [H, W, 3], RGB, to the standard deviation of
        the answers in eight appearances, grey levels, uint8 [H, W, 1].

    Raises:
        InputError: as `load_translator`, or it has no appearances.
    """
    return _load(model, "load_spread", "appearance_spread")


def _load(
    model: str | Path, loader: str, flag: str = "", *given: np.ndarray
) -> Translator:
    """Call the loader of a model's form.

    Args:
        model: as `load_translator` takes it.
        loader: a function of the form's module.
        flag: that only forms with appearances take, if it is one.
        *given: what the loader takes beside the file.
    """
    form, file = _find(model)
    if flag and not form.appearances:
        raise InputError(
            f"--model={model}: a {form.name} has one appearance for good; leave"
            f" --{flag} out, or name the run folder or .keras file"
        )
    # Outside `try`: a broken installation is not the model's fault.
    (module,) = import_quietly(form.module)
    try:
        # LiteRT runs a file with a changed weight without a word.
        check_sums(file)
        with quiet_start():
            answer: Translator = getattr(module, loader)(file, *given)
            answer(PROBE)
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
        known = ", ".join(f"{f.name} ({kind})" for kind, f in FORMS.items())
        raise InputError(
            f"--model={model}: expected a run folder or one of {known}"
        )
    return FORMS[kind], path
