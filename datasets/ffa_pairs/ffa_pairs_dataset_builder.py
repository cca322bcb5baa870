"""ffa_pairs: fundus photographs aligned with their fluorescein angiograms."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
import tqdm
from tensorflow_datasets.proto import tf_example_pb2

from ffa_keras.preparation.contact_sheet import write_contact_sheet
from ffa_keras.preparation.prepare import Outcome, Task, prepare_pairs
from ffa_keras.preparation.report import refuse_lost_splits
from ffa_keras.quiet import import_quietly
from ffa_keras.records import schema

from . import beam
from .base import PairsConfig, Search
from .configs import (
    FolderConfig,
    HraConfig,
    IsfahanConfig,
    PhantomConfig,
)


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for ffa_pairs."""

    VERSION = tfds.core.Version(f"1.{schema.FORMAT}.2")
    RELEASE_NOTES = {
        "1.0.0": "Initial release.",
        "1.1.0": "Whether the photograph is a disc; registered pairs.",
        "1.1.1": "Phantoms as various as real pictures; other eyes a seed.",
        "1.1.2": "No phantom photograph is lit to white by stray light.",
    }
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Configs folder and hra: put pairs.csv and the images it names into"
        " the folder. Config isfahan_misp: unpack the archive into the folder."
    )
    BUILDER_CONFIGS = [
        PhantomConfig(
            name="phantom", description="Drawn pairs with exact truth masks."
        ),
        FolderConfig(
            name="folder", description="Pairs listed in a clinic's manifest."
        ),
        HraConfig(
            name="hra", description="Labelled pairs of the HRA, 768x768."
        ),
        IsfahanConfig(
            name="isfahan_misp", description="The public Isfahan archive."
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        config = self.builder_config
        return self.dataset_info_from_configs(
            features=schema.features(config.truth),
            supervised_keys=("fundus", "ffa"),
            metadata=tfds.core.MetadataDict(schema.metadata(config.split_by)),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:
        config = self.builder_config
        self._outcomes: list[Outcome] = []
        self._tasks = config.collect(
            Search(
                lambda: Path(dl_manager.manual_dir),
                Path(self._data_dir_root, "ffa_pairs_cache"),
                lambda note: print(f"note: {note}", file=sys.stderr),
            )
        )
        kept = self._tasks
        if not config.beam:
            self._outcomes = self.outcomes()
            if config.pictures_dir:
                write_contact_sheet(
                    Path(config.pictures_dir),
                    self._tasks,
                    self._outcomes,
                    config.workers,
                )
            refuse_lost_splits(self._outcomes)
            pairs = zip(self._tasks, self._outcomes, strict=True)
            kept = [task for task, outcome in pairs if outcome.verdict.accepted]
        # What writes records; bad input has not had to wait for it.
        import_quietly("tensorflow")
        return {
            name: self._generate_examples(
                [task for task in kept if task.pair.stored_in == name]
            )
            for name in schema.STORES
            if any(task.pair.stored_in == name for task in kept)
        }

    def _generate_examples(self, tasks: Sequence[Task]) -> Any:
        if self.builder_config.beam:
            return beam.records(tasks)
        bar = tqdm.tqdm(tasks, "writing", unit="pair", disable=None)
        return ((task.pair.pair, task.record()) for task in bar)

    def _example_writer(self) -> tfds.core.ExampleWriter:
        return _SameBytes(self.info.file_format)

    def outcomes(self) -> list[Outcome]:
        """Return what became of every pair that was collected."""
        return self._outcomes or prepare_pairs(
            self._tasks, self.builder_config.workers
        )


class _SameBytes(tfds.core.ExampleWriter):
    """Writes equal records as equal bytes, in whichever process.

    The order of the features is left to protobuf, and it differs from process
    to process: a run could not go on with data that were prepared again.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        parse = tf_example_pb2.Example.FromString
        return super().write(
            path,
            (
                (key, parse(record).SerializeToString(deterministic=True))
                for key, record in examples
            ),
        )


def builder_for(config: PairsConfig, data_dir: Path) -> Builder:
    """Return a builder whose config is that of its name, with other values.

    Args:
        config: TFDS accepts of a name only the one that the class lists.
        data_dir: as TFDS takes it.
    """
    with tfds.core.registered.skip_registration():

        class Configured(Builder):
            name = Builder.name
            BUILDER_CONFIGS = [config]

    return Configured(data_dir=data_dir, config=config)
