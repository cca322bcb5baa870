"""Apache Beam spreads the work of a preparation: the extra `beam`."""

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow_datasets as tfds

from ffa_keras.errors import InputError
from ffa_keras.preparation.prepare import Task


def download_config(options: str) -> tfds.download.DownloadConfig:
    """Return what has TFDS hand the work to Apache Beam.

    Args:
        options: of Beam, as on its command line.

    Raises:
        InputError: it is not installed.
    """
    try:
        from apache_beam.options import pipeline_options
    except ImportError as error:
        raise InputError(
            "--beam_options: Apache Beam is not installed; pip install"
            " 'ffa_keras[beam]'"
        ) from error
    return tfds.download.DownloadConfig(
        beam_options=pipeline_options.PipelineOptions(shlex.split(options))
    )


def records(tasks: Sequence[Task]) -> Any:
    """Return the Beam transform that prepares pairs.

    Args:
        tasks: of the pairs.

    Returns:
        Of the records under their keys; refused pairs have none.
    """
    beam = tfds.core.lazy_imports.apache_beam
    return beam.Create(tasks) | beam.Reshuffle() | beam.FlatMap(_kept)


def _kept(task: Task) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the record of a pair under its key, unless it is refused."""
    if task.prepare().accepted:
        yield task.pair.pair, task.record()
