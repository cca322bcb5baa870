r"""Translate photographs with a trained generator.

    python -m ffa_keras.inference eye.tif
    python -m ffa_keras.inference --model=runs/isfahan --output=answers eyes

Each answer is a single-channel PNG of the photograph's own size and stem, and
with --dicom a DICOM file as well;
`report.csv` says for each how much it looks like a fundus photograph.
"""

import signal
from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError, Interrupted
from ffa_keras.inference.files import INTERVAL, NAMES, SALIENCY, SPREAD, STEMS
from ffa_keras.preparation.splits import DEFAULT_KEY_FILE
from ffa_keras.quiet import import_quietly

_MODEL = flags.DEFINE_string(
    "model",
    "pretrained",
    "'pretrained', run folder, SavedModel, or .keras or .tflite file.",
)
_INPUT = flags.DEFINE_multi_string(
    "input",
    [],
    "Photograph, folder or pattern; may stand without the name of the flag,"
    " and several times.",
)
_OUTPUT = flags.DEFINE_string("output", "ffa", "Folder of the answers.")
_RESUME = flags.DEFINE_bool(
    "resume", False, "Keep the whole answers of an earlier start."
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace answers that exist."
)
_NAMES = flags.DEFINE_enum(
    "names", STEMS, NAMES, "Name answers as their photographs, or by number."
)
_EXEMPLAR = flags.DEFINE_string(
    "exemplar",
    "",
    "FFA image whose appearance the answers take; for a run folder or .keras"
    " file of --method=disentangled.",
)
_AVERAGE_FLIPS = flags.DEFINE_bool(
    "average_flips",
    False,
    "Average the answers to the eight flips and turns of each photograph:"
    " better vessels, fewer dots, eight times as long.",
)
_SALIENCY = flags.DEFINE_bool(
    "saliency", False, "Also draw STEM_saliency.png: what stands out."
)
_INTERVALS = flags.DEFINE_string(
    "intervals",
    "",
    "intervals.json of the model's evaluation: also draw STEM_interval.png, how"
    " far off each pixel may be.",
)
_SPREAD = flags.DEFINE_bool(
    "appearance_spread",
    False,
    "Also draw STEM_spread.png: how far answers in random appearances lie"
    " apart; for a run folder or .keras file of --method=disentangled.",
)
_FRAME = flags.DEFINE_integer(
    "frame",
    None,
    "Of DICOM photographs of several, from 1; refused without it.",
    1,
)
_DICOM = flags.DEFINE_bool(
    "dicom",
    False,
    "Also write STEM.dcm: a Secondary Capture that says it is synthetic.",
)
_STAMP = flags.DEFINE_bool(
    "stamp", False, "Write SYNTHETIC into the image of each DICOM file."
)
_KEY_FILE = flags.DEFINE_string(
    "key_file",
    str(DEFAULT_KEY_FILE),
    "Secret key of the hashes in DICOM files; made if absent, to be kept.",
)


def _sources() -> list[str]:
    if _STAMP.value and not _DICOM.value:
        raise InputError("--stamp: is for DICOM files; add --dicom")
    if _EXEMPLAR.value and _INTERVALS.value:
        raise InputError(
            "--intervals: were found for answers without --exemplar; give one"
        )
    if not _INPUT.value:
        raise InputError("--input: missing; name a photograph or a folder")
    return _INPUT.value


def main(sources: list[str], predict: ModuleType, maps: ModuleType) -> int:
    """Translate; the status is 1 if a photograph was skipped."""
    # As Ctrl-C does: stop, and leave a report of what was done.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failures = predict.predict(
            _MODEL.value,
            sources,
            _OUTPUT.value,
            _OVERWRITE.value,
            _maps(maps),
            _RESUME.value,
            _NAMES.value,
            _EXEMPLAR.value,
            _FRAME.value,
            _dicom(predict),
            _AVERAGE_FLIPS.value,
        )
    except KeyboardInterrupt:
        raise Interrupted("add --resume to go on") from None
    return 1 if failures else 0


def _maps(maps: ModuleType) -> dict[str, object]:
    """Return what draws each map that is asked for."""
    drawn = {}
    if _SALIENCY.value:
        (saliency,) = import_quietly("ffa_keras.inference.saliency")
        drawn[SALIENCY] = saliency.SALIENCY_MAP
    if _INTERVALS.value:
        drawn[INTERVAL] = maps.interval_map(
            _INTERVALS.value, _MODEL.value, _AVERAGE_FLIPS.value
        )
    if _SPREAD.value:
        drawn[SPREAD] = maps.spread_map(_MODEL.value)
    return drawn


def _dicom(predict: ModuleType) -> object:
    """Return how DICOM files are written, `None` if they are not."""
    if not _DICOM.value:
        return None
    return predict.DicomOutput.with_key_of(_KEY_FILE.value, _STAMP.value)


if __name__ == "__main__":
    cli.run(
        main,
        "ffa_keras.inference.predict",
        "ffa_keras.inference.maps",
        settings=_sources,
        positional="input",
    )
