r"""Prepare pairs for training: aligned, split by patient, without names.

    python -m datasets.ffa_pairs --config=phantom --num_pairs=60 \
        --image_size=256 --seed=0 --data_dir=data
    python -m datasets.ffa_pairs --config=folder --manifest=clinic/pairs.csv \
        --data_dir=data

The dataset appears in DATA_DIR/ffa_pairs/CONFIG/VERSION, whole or not at all.
"""

import collections
import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds
from absl import flags

from ffa_keras import cli  # isort: skip  (before OpenCV)
from datasets.ffa_pairs.ffa_pairs_dataset_builder import Builder
from ffa_keras.data.splits import DEFAULT_KEY_FILE
from ffa_keras.errors import InputError

_FLAGS_OF_CONFIG = {
    "phantom": ("num_pairs", "image_size", "seed"),
    "folder": ("manifest", "assume_aligned", "key_file"),
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
flags.DEFINE_string("manifest", "", "folder: the pairs.csv.")
flags.DEFINE_bool(
    "assume_aligned",
    False,
    "folder: pairs without affine and landmarks lie on each other already.",
)
flags.DEFINE_string(
    "key_file",
    str(DEFAULT_KEY_FILE),
    "folder: secret key of the patient hashes and the splits; made if absent,"
    " to be kept.",
)


def main() -> None:
    """Prepare the dataset and print where it is and what it holds."""
    config = _configured(_CONFIG.value)
    data_dir = Path(_DATA_DIR.value)
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
            builder.download_and_prepare()
        if target.exists():
            target.rename(scratch / "replaced")
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / name).rename(target)
    _print_summary(target)
    if config.name == "folder":
        print(
            f"key of the hashes {config.key_file}: keep it, not with the data"
        )


def _configured(name: str) -> tfds.core.BuilderConfig:
    """Return the builder's config with the values of its flags."""
    config = Builder.builder_configs[name]
    for owner, names in _FLAGS_OF_CONFIG.items():
        for flag in names:
            if owner == name:
                setattr(config, flag, flags.FLAGS[flag].value)
            elif flags.FLAGS[flag].present:
                raise InputError(
                    f"--{flag}: belongs to --config={owner}, not to"
                    f" --config={name}; leave one of them out"
                )
    if name == "folder" and not config.manifest:
        raise InputError("--manifest: name the pairs.csv of --config=folder")
    return config


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


if __name__ == "__main__":
    cli.run(main)
