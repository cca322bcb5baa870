"""Write a dataset: prepared, audited, reported, whole or not at all."""

import contextlib
import dataclasses
import io
import signal
from collections.abc import Iterator
from pathlib import Path

import tensorflow_datasets as tfds

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.files import replacing, scratch_folder
from ffa_keras.preparation.report import refuse_lost_splits, write_report

from .base import PairsConfig
from .beam import download_config
from .ffa_pairs_dataset_builder import Builder, builder_for


def write_dataset(
    config: PairsConfig,
    data_dir: str | Path,
    overwrite: bool = False,
    beam_options: str = "",
) -> Path:
    """Prepare a dataset, report on every pair, and look for leaks.

    Args:
        config: says where the pairs come from.
        data_dir: the dataset appears in DATA_DIR/ffa_pairs/CONFIG/VERSION.
        overwrite: whether it replaces one that is there already.
        beam_options: of Apache Beam, if that is to spread the work.

    Returns:
        The folder of the dataset.

    Raises:
        InputError: the input is bad, a dataset is there already, two splits
            share what they may not, or one has lost all of its pairs; no
            dataset is left behind.
        Interrupted: by Control-C or SIGTERM; pairs that are finished stay in
            the cache.
    """
    name = Path(Builder.name, config.name, str(Builder.VERSION))
    target = Path(data_dir, name)
    if target.exists() and not overwrite:
        raise InputError(
            f"{target}: is there already; replace it with --overwrite or"
            " choose another --data_dir"
        )
    cache = config.cache_dir or str(Path(data_dir, "ffa_pairs_cache"))
    config = dataclasses.replace(config, cache_dir=cache)
    with (
        _interruptible(),
        _no_empty_folders(target.parent),
        scratch_folder(Path(data_dir)) as scratch,
        replacing(target, exclusive=not overwrite) as temporary,
    ):
        builder = builder_for(config, scratch)
        _prepare(builder, beam_options)
        builder.data_path.rename(temporary)
    return target


def _prepare(builder: Builder, beam_options: str) -> None:
    tfds.disable_progress_bar()
    with contextlib.redirect_stdout(io.StringIO()), _unwrapped():
        builder.download_and_prepare(
            download_config=download_config(beam_options)
            if beam_options
            else None
        )
    # Needs TensorFlow, which bad input should not have to wait for.
    from ffa_keras.records.audit.leaks import record_audit, refuse_leaks
    from ffa_keras.records.dataset import PreparedDataset

    dataset = PreparedDataset.open(Path(builder.data_path))
    outcomes = builder.outcomes()
    refuse_leaks(dataset)
    refuse_lost_splits(outcomes)
    write_report(dataset.folder, outcomes)
    record_audit(dataset)


@contextlib.contextmanager
def _no_empty_folders(folder: Path) -> Iterator[None]:
    """Remove those of a folder and its parents that were made for nothing."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    finally:
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise what went wrong, such as a full disk, without TFDS' parcel."""
    try:
        yield
    except (RuntimeError, OSError) as error:
        original: BaseException = error
        while original.__cause__ and isinstance(
            original, RuntimeError | OSError
        ):
            original = original.__cause__
        raise original from None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Clean up at SIGTERM as at Control-C, and say how to go on."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(
            "no dataset was written; the same command goes on where this one"
            " stopped"
        ) from error
    finally:
        signal.signal(signal.SIGTERM, before)
