r"""Prepare pairs for training: aligned, split by patient, without names.

    python -m datasets.ffa_pairs --config=phantom --num_pairs=60 \
        --image_size=256 --seed=0 --data_dir=data
    python -m datasets.ffa_pairs --config=folder --manifest=clinic/pairs.csv \
        --data_dir=data
    python -m datasets.ffa_pairs --config=hra --manifest=hra/pairs.csv
    python -m datasets.ffa_pairs --config=isfahan_misp --archive=isfahan
    python -m datasets.ffa_pairs --config=dicom --dicom_dir=EXPORT

The last one lists the pairs of a DICOM export in EXPORT/pairs.csv, to be looked
at and then prepared with --config=folder.
The dataset appears in DATA_DIR/ffa_pairs/CONFIG/VERSION, whole or not at all,
and with it preparation.csv, what became of every pair. Finished pairs wait in
DATA_DIR/ffa_pairs_cache: the same command goes on where it was stopped.
"""

import collections
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ffa_keras import cli  # isort: skip  (before TensorFlow and OpenCV)

from absl import flags

from ffa_keras.errors import InputError
from ffa_keras.preparation.dicom_pairs import list_pairs, write_pairs
from ffa_keras.preparation.report import read_report, summary
from ffa_keras.preparation.splits import read_key
from ffa_keras.records.schema import CATEGORIES, LONE, SPLITS

from .base import PairsConfig, Search
from .configs import DicomConfig
from .ffa_pairs_dataset_builder import Builder
from .write import write_dataset

CONFIGS = {
    **Builder.builder_configs,
    "dicom": DicomConfig(name="dicom", description="List a DICOM export."),
}

_CONFIG = flags.DEFINE_enum(
    "config",
    "phantom",
    list(CONFIGS),
    "Where the pairs come from.",
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared datasets."
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace the dataset if it is there already."
)
_CHECK = flags.DEFINE_bool(
    "check",
    False,
    "Check every file, look for one eye under two patients, say what is odd,"
    " and do no more.",
)
_BEAM = flags.DEFINE_string(
    "beam_options",
    "",
    "Let Apache Beam spread the work: its options, such as"
    " '--runner=DirectRunner'.",
)


def _options(config: PairsConfig) -> dict[str, dataclasses.Field[Any]]:
    """Return the fields of a config that are flags, by name."""
    fields = dataclasses.fields(config)
    return {field.name: field for field in fields if "help" in field.metadata}


def _define_options() -> dict[str, list[str]]:
    """Make a flag of every option of any config; return its configs."""
    owners: dict[str, list[str]] = {}
    fields = {}
    for name, config in CONFIGS.items():
        for option, field in _options(config).items():
            owners.setdefault(option, []).append(name)
            fields[option] = field
    for option, field in fields.items():
        about = dict(field.metadata["about"])
        about.pop("required", None)
        default = field.default
        define: Callable[..., object] = flags.DEFINE_string
        if isinstance(default, tuple):
            define, default = flags.DEFINE_list, list(default)
        elif "enum_values" in about:
            define = flags.DEFINE_enum
        elif isinstance(default, bool):
            define = flags.DEFINE_bool
        elif isinstance(default, int):
            define = flags.DEFINE_integer
        help_ = f"{', '.join(owners[option])}: {field.metadata['help']}"
        define(option, default, help=help_, **about)
    return owners


_OWNERS = _define_options()


def main() -> None:
    """Prepare the dataset and print where it is and what it holds."""
    config = _configured(_CONFIG.value)
    if isinstance(config, DicomConfig):
        _list(config)
        return
    if _CHECK.value:
        _check(config)
        return
    folder = write_dataset(
        config, _DATA_DIR.value, _OVERWRITE.value, _BEAM.value
    )
    _print_summary(folder)
    if "key_file" in _options(config):
        print(
            f"key of the hashes {flags.FLAGS['key_file'].value}: keep it, not"
            " with the data"
        )


def _configured(name: str) -> PairsConfig:
    """Return the builder's config with the values of its flags."""
    config = CONFIGS[name]
    options = _options(config)
    for option, owners in _OWNERS.items():
        if option not in options and flags.FLAGS[option].present:
            raise InputError(
                f"--{option}: belongs to --config={owners[0]}, not to"
                f" --config={name}; leave one of them out"
            )
    values = {option: flags.FLAGS[option].value for option in options}
    for option, field in options.items():
        if field.metadata["about"].get("required") and not values[option]:
            raise InputError(f"--{option}: needed by --config={name}")
    done = "drawn" if config.truth else "only listed"
    whole = not config.truth and not isinstance(config, DicomConfig)
    if not whole and (_BEAM.value or _CHECK.value):
        raise InputError(
            f"--beam_options and --check: not for --config={name}, whose pairs"
            f" are {done}"
        )
    given: PairsConfig = dataclasses.replace(
        config, beam=bool(_BEAM.value), **values
    )
    return given


def _list(config: DicomConfig) -> None:
    """Write the pairs.csv of a DICOM export."""
    folder = Path(config.dicom_dir)
    rows, notes = list_pairs(folder, read_key(config.key_file))
    write_pairs(folder / "pairs.csv", rows, _OVERWRITE.value)
    for note in notes:
        print(f"note: {note}")
    print(
        f"listed {len(rows)} pairs in {folder / 'pairs.csv'}: look at it, then"
        f" --config=folder --manifest={folder / 'pairs.csv'}"
    )


def _check(config: PairsConfig) -> None:
    """Check all files of a config and print what is odd and what is there."""
    tasks = config.collect(Search(Path, Path(), print, naming=True))
    counts = collections.Counter(
        (task.pair.split, _kind(task.pair.category, task.pair.lone))
        for task in tasks
    )
    for (split, kind), count in sorted(counts.items()):
        print(f"{count:6} {kind} in the {split} split")
    pairs = sum(not task.pair.lone for task in tasks)
    print(f"{pairs:6} pairs, every file can be read")


def _print_summary(folder: Path) -> None:
    rows = read_report(folder)
    counts = collections.Counter(
        (_kind(row["category"], row["alone"]), row["split"])
        for row in rows
        if row["status"] != "refused"
    )
    for split in SPLITS:
        counts["all", split] = sum(counts[c, split] for c in CATEGORIES)
    present = {kind for kind, _ in counts}
    print(f"{'pairs':16}" + "".join(f"{split:>12}" for split in SPLITS))
    kinds = [*CATEGORIES, "all", *(_kind("", lone) for lone in LONE)]
    for kind in [kind for kind in kinds if kind in present]:
        row = "".join(f"{counts[kind, split]:12}" for split in SPLITS)
        print(f"{kind:16}{row}")
    print(f"prepared {folder}")
    print("\n".join(summary(rows)))


def _kind(category: str, lone: str) -> str:
    """Return the category of a pair, or which image stands alone."""
    return f"{LONE[lone]} alone" if lone else category


if __name__ == "__main__":
    cli.run(main)
