r"""Prepare pairs for training: aligned, split by patient, without names.

    python -m datasets.ffa_pairs --config=phantom --num_pairs=60 \
        --image_size=256 --seed=0 --data_dir=data
    python -m datasets.ffa_pairs --config=folder --manifest=clinic/pairs.csv \
        --data_dir=data
    python -m datasets.ffa_pairs --config=hra --manifest=hra/pairs.csv
    python -m datasets.ffa_pairs --config=isfahan_misp --archive=isfahan

The dataset appears in DATA_DIR/ffa_pairs/CONFIG/VERSION, whole or not at all,
and with it preparation.csv, what became of every pair. Finished pairs wait in
DATA_DIR/ffa_pairs_cache: the same command goes on where it was stopped.
"""

import collections
import contextlib
import io
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ffa_keras import cli  # isort: skip  (before TensorFlow and OpenCV)

import tensorflow_datasets as tfds
from absl import flags

from datasets.ffa_pairs.ffa_pairs_dataset_builder import Builder
from datasets.ffa_pairs.sources import PhotographConfig, collect
from ffa_keras.data import isfahan
from ffa_keras.data.manifest import SPLIT_UNITS
from ffa_keras.data.report import read_report, summary
from ffa_keras.data.splits import DEFAULT_KEY_FILE
from ffa_keras.errors import InputError

_PHOTOGRAPHS = ("split_by", "cache_dir", "pictures_dir", "workers")
_LISTED = ("manifest", "assume_aligned", "key_file", *_PHOTOGRAPHS)
_FLAGS_OF_CONFIG = {
    "phantom": ("num_pairs", "image_size", "seed"),
    "folder": _LISTED,
    "hra": _LISTED,
    "isfahan_misp": ("archive", "affines", "corrections", *_PHOTOGRAPHS),
}

_CONFIG = flags.DEFINE_enum(
    "config", "phantom", list(_FLAGS_OF_CONFIG), "Where the pairs come from."
)
_DATA_DIR = flags.DEFINE_string(
    "data_dir", "data", "Folder of the prepared datasets."
)
_OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace the dataset if it is there already."
)
flags.DEFINE_integer("num_pairs", 80, "phantom: number of pairs.")
flags.DEFINE_integer(
    "image_size", 256, "phantom: side of the images, pixels.", lower_bound=64
)
flags.DEFINE_integer(
    "seed", 0, "phantom: same seed, same pairs.", lower_bound=0
)
_CHECK = flags.DEFINE_bool(
    "check", False, "Check every file, say what is odd, and do no more."
)
_BEAM = flags.DEFINE_string(
    "beam_options",
    "",
    "Let Apache Beam spread the work: its options, such as"
    " '--runner=DirectRunner'.",
)
flags.DEFINE_string("manifest", "", "folder, hra: the pairs.csv.")
flags.DEFINE_bool(
    "assume_aligned",
    False,
    "folder, hra: pairs of which the manifest does not say how they lie are"
    " aligned already; else they are registered.",
)
flags.DEFINE_string(
    "key_file",
    str(DEFAULT_KEY_FILE),
    "folder, hra: secret key of the patient hashes and the splits; made if"
    " absent, to be kept.",
)
flags.DEFINE_string("archive", "", "isfahan_misp: folder of the archive.")
flags.DEFINE_string(
    "affines",
    "",
    "isfahan_misp: table fundus,ffa,m11,m12,m13,m21,m22,m23 of transforms;"
    " else pairs are registered.",
)
flags.DEFINE_list(
    "corrections",
    list(isfahan.CORRECTIONS),
    "isfahan_misp: defects of the archive that are mended. "
    + "; ".join(f"{k}: {v}" for k, v in isfahan.CORRECTIONS.items()),
)
flags.DEFINE_enum(
    "split_by", "patient", list(SPLIT_UNITS), "What no split tears apart."
)
flags.DEFINE_string(
    "cache_dir",
    "",
    "Folder of finished pairs; DATA_DIR/ffa_pairs_cache if empty.",
)
flags.DEFINE_string(
    "pictures_dir",
    "",
    "Folder for a checkerboard and a vessel overlay of every pair, named by"
    " its row in the manifest.",
)
flags.DEFINE_integer(
    "workers", 0, "Processes; 0 for one on each core.", lower_bound=0
)


def main() -> None:
    """Prepare the dataset and print where it is and what it holds."""
    config = _configured(_CONFIG.value)
    data_dir = Path(_DATA_DIR.value)
    if _CHECK.value:
        _check(config)
        return
    name = Path(Builder.name, config.name, str(Builder.VERSION))
    target = data_dir / name
    if target.exists() and not _OVERWRITE.value:
        raise InputError(
            f"{target}: is there already; replace it with --overwrite or"
            " choose another --data_dir"
        )
    with _scratch_folder(data_dir) as scratch:
        tfds.disable_progress_bar()
        builder = Builder(data_dir=scratch, config=config)
        with contextlib.redirect_stdout(io.StringIO()):
            builder.download_and_prepare(download_config=_download_config())
        if target.exists():
            target.rename(scratch / "replaced")
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).rename(target)
    _print_summary(target)
    if hasattr(config, "key_file"):
        print(
            f"key of the hashes {config.key_file}: keep it, not with the data"
        )


def _configured(name: str) -> tfds.core.BuilderConfig:
    """Return the builder's config with the values of its flags."""
    config = Builder.builder_configs[name]
    for owner, names in _FLAGS_OF_CONFIG.items():
        for flag in set(names) - set(_FLAGS_OF_CONFIG[name]):
            if flags.FLAGS[flag].present:
                raise InputError(
                    f"--{flag}: belongs to --config={owner}, not to"
                    f" --config={name}; leave one of them out"
                )
    for flag in _FLAGS_OF_CONFIG[name]:
        setattr(config, flag, flags.FLAGS[flag].value)
    for flag in ("manifest", "archive"):
        if not getattr(config, flag, "given"):
            raise InputError(f"--{flag}: needed by --config={name}")
    if isinstance(config, PhotographConfig):
        config.beam = bool(_BEAM.value)
        config.cache_dir = config.cache_dir or str(
            Path(_DATA_DIR.value, "ffa_pairs_cache")
        )
    elif _BEAM.value or _CHECK.value:
        raise InputError(
            f"--beam_options and --check: not for --config={name}, whose pairs"
            " are drawn"
        )
    return config


def _check(config: PhotographConfig) -> None:
    """Check all files of a config and print what is odd and what is there."""
    tasks = collect(config, "", "", print, naming=True)
    counts = collections.Counter(
        (task.entry.split, task.entry.category) for task in tasks
    )
    for (split, category), count in sorted(counts.items()):
        print(f"{count:6} {category} in the {split} split")
    print(f"{len(tasks):6} pairs, every file can be read")


def _download_config() -> tfds.download.DownloadConfig | None:
    """Return what hands the work to Apache Beam, `None` without it."""
    if not _BEAM.value:
        return None
    try:
        from apache_beam.options import pipeline_options
    except ImportError as error:
        raise InputError(
            "--beam_options: Apache Beam is not installed; pip install"
            " 'ffa_keras[beam]'"
        ) from error
    options = pipeline_options.PipelineOptions(shlex.split(_BEAM.value))
    return tfds.download.DownloadConfig(beam_options=options)


@contextlib.contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a folder in `parent`; leave no trace of it, nor of `parent`."""
    made = [path for path in (parent, *parent.parents) if not path.exists()]
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=parent))
    except OSError as error:
        raise InputError(
            f"--data_dir={parent}: cannot be written ({error.strerror})"
        ) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        for path in made:
            if not any(path.iterdir()):
                path.rmdir()


def _print_summary(folder: Path) -> None:
    builder = tfds.builder_from_directory(folder)
    features = builder.info.features
    undecoded = {
        name: tfds.decode.SkipDecoding()
        for name, feature in features.items()
        if isinstance(feature, tfds.features.Image)
    }
    counts = {}
    for split in builder.info.splits:
        records = builder.as_dataset(split=split, decoders=undecoded)
        counts[split] = collections.Counter(
            int(record["category"]) for record in records
        )
    print(f"{'pairs':16}" + "".join(f"{split:>12}" for split in counts))
    for label in sorted(set().union(*counts.values())):
        row = "".join(f"{count[label]:12}" for count in counts.values())
        print(f"{features['category'].int2str(label):16}{row}")
    row = "".join(f"{count.total():12}" for count in counts.values())
    print(f"{'all':16}{row}\nprepared {folder}")
    rows = read_report(folder)
    if rows:
        print("\n".join(summary(rows)))


if __name__ == "__main__":
    cli.run(main)
