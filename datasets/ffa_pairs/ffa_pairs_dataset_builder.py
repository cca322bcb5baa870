"""ffa_pairs: fundus photographs aligned with their fluorescein angiograms."""

import dataclasses
import functools
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
import tqdm

from datasets.ffa_pairs.sources import (
    FolderConfig,
    HraConfig,
    IsfahanConfig,
    PhantomConfig,
    PhotographConfig,
    collect,
)
from ffa_keras.data.align import Verdict, align_images
from ffa_keras.data.images import encode_png
from ffa_keras.data.manifest import CATEGORIES, SPLITS
from ffa_keras.data.phantom import make_pair
from ffa_keras.data.prepare import (
    Task,
    prepare_pair,
    prepare_pairs,
    read_record,
    read_verdict,
)
from ffa_keras.data.report import summary_of, write_report
from ffa_keras.data.splits import hashed_id
from ffa_keras.errors import InputError

_PHANTOM_CATEGORIES = ("normal", "optic_disc", "large_focal", "punctate_focal")
# The splits of ten patients: 20 % test, and every split from four pairs on.
_PHANTOM_SPLITS = (
    "train test validation train train train test train train train"
).split()
_MIN_PHANTOM_PAIRS = 4


@dataclasses.dataclass(frozen=True)
class _Pair:
    """A phantom to be written; `load` returns images and their facts."""

    pair_id: str
    patient: str
    eye: str
    category: str
    load: Callable[[], dict[str, Any]]


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for ffa_pairs."""

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {
        "1.0.0": "Initial release.",
        "1.1.0": "Whether the photograph is a disc; registered pairs.",
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
        features: dict[str, Any] = {
            "fundus": _png(3),
            "ffa": _png(1),
            "valid_mask": _png(1),
            "circular": tfds.features.Scalar(dtype=np.bool_),
            "category": tfds.features.ClassLabel(names=CATEGORIES),
            "patient": tfds.features.Text(),
            "eye": tfds.features.Text(),
            "pair": tfds.features.Text(),
        }
        if isinstance(config, PhantomConfig):
            features |= {"vessel_mask": _png(1), "leakage_mask": _png(1)}
        split_by = getattr(config, "split_by", "patient")
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("fundus", "ffa"),
            metadata=tfds.core.MetadataDict(split_by=split_by),
        )

    def download_and_prepare(self, **options: Any) -> None:
        """Prepare the dataset, report on every pair, and look for leaks.

        Args:
            **options: as TFDS documents them.

        Raises:
            InputError: the input is bad, or two splits share what they may
                not; no dataset is left behind.
        """
        if self.data_path.exists():
            return
        self._tasks: list[Task] = []
        super().download_and_prepare(**options)
        # Needs TensorFlow, which bad input should not have to wait for.
        from ffa_keras.data.audit import refuse_leaks

        verdicts = [read_verdict(t) or prepare_pair(t) for t in self._tasks]
        try:
            refuse_leaks(self.data_dir)
            _refuse_lost_splits(self._tasks, verdicts)
        except InputError:
            shutil.rmtree(self.data_dir)
            raise
        if self._tasks:
            write_report(Path(self.data_dir), self._tasks, verdicts)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:
        config = self.builder_config
        if isinstance(config, PhantomConfig):
            return _phantom_splits(config)
        self._tasks = collect(
            config,
            str(dl_manager.manual_dir) if _needs_manual(config) else "",
            str(Path(self._data_dir_root, "ffa_pairs_cache")),
            lambda note: print(f"note: {note}", file=sys.stderr),
        )
        kept = self._tasks
        if not config.beam:
            verdicts = prepare_pairs(self._tasks, config.workers)
            _refuse_lost_splits(self._tasks, verdicts)
            kept = [
                task
                for task, verdict in zip(self._tasks, verdicts, strict=True)
                if verdict.accepted
            ]
        return {
            split: self._generate_examples(
                [task for task in kept if task.entry.split == split]
            )
            for split in SPLITS
            if any(task.entry.split == split for task in kept)
        }

    def _generate_examples(self, tasks: Sequence[Task]) -> Any:
        if self.builder_config.beam:
            beam = tfds.core.lazy_imports.apache_beam
            return (
                beam.Create(tasks)
                | beam.Reshuffle()
                | beam.FlatMap(_prepared_examples)
            )
        return ((task.entry.pair_id, read_record(task)) for task in tasks)


def _prepared_examples(
    task: Task,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the record of a pair under its key, unless it is refused."""
    if prepare_pair(task).accepted:
        yield task.entry.pair_id, read_record(task)


def _refuse_lost_splits(
    tasks: Sequence[Task], verdicts: Sequence[Verdict]
) -> None:
    """Raise an `InputError` if every pair of a split was refused."""
    kept = {
        task.entry.split
        for task, verdict in zip(tasks, verdicts, strict=True)
        if verdict.accepted
    }
    present = {task.entry.split for task in tasks}
    lost = [name for name in SPLITS if name in present - kept]
    if lost:
        raise InputError(
            f"every pair of the {' and the '.join(lost)} split was"
            f" refused: {'; '.join(summary_of(tasks, verdicts))}; give their"
            " affine or landmarks in the manifest"
        )


def _needs_manual(config: PhotographConfig) -> bool:
    return not getattr(config, "manifest", "") and not getattr(
        config, "archive", ""
    )


def _png(channels: int) -> tfds.features.Image:
    return tfds.features.Image(
        shape=(None, None, channels), encoding_format="png"
    )


def _phantom_splits(config: PhantomConfig) -> dict[str, Iterator]:
    key = f"phantom {config.seed}".encode()
    pairs, splits = _phantom_pairs(config)
    return {
        split: _phantom_examples(
            split,
            [p for p, s in zip(pairs, splits, strict=True) if s == split],
            key,
        )
        for split in SPLITS
    }


def _phantom_examples(
    split: str, pairs: Sequence[_Pair], key: bytes
) -> Iterator[tuple[str, dict[str, Any]]]:
    for pair in tqdm.tqdm(pairs, split, unit="pair", disable=None):
        name = hashed_id(key, "pair", pair.pair_id)
        yield (
            name,
            {
                **pair.load(),
                "category": pair.category,
                "patient": hashed_id(key, "patient", pair.patient),
                "eye": hashed_id(key, "eye", pair.eye),
                "pair": name,
            },
        )


def _phantom_pairs(config: PhantomConfig) -> tuple[list[_Pair], list[str]]:
    """Return the pairs and their splits; two of three are of one patient."""
    if config.num_pairs < _MIN_PHANTOM_PAIRS:
        raise InputError(
            f"--num_pairs={config.num_pairs}: fewer than"
            f" {_MIN_PHANTOM_PAIRS} pairs do not fill three splits"
        )
    pairs, splits = [], []
    for number in range(config.num_pairs):
        patient = 2 * (number // 3) + number % 3 // 2
        category = _PHANTOM_CATEGORIES[number % len(_PHANTOM_CATEGORIES)]
        seed = config.seed * 1_000_003 + number
        load = functools.partial(
            _load_phantom, seed, category, config.image_size
        )
        # One photograph of each eye.
        pairs.append(
            _Pair(f"{number}", f"{patient}", f"{number}", category, load)
        )
        splits.append(_PHANTOM_SPLITS[patient % len(_PHANTOM_SPLITS)])
    return pairs, splits


def _load_phantom(seed: int, category: str, size: int) -> dict[str, Any]:
    """Return PNG images by feature name, masks as 0 or 255."""
    raw = make_pair(seed, category, size)
    pair = align_images(raw.fundus, raw.ffa, raw.matrix)
    masks = {
        "valid_mask": pair.valid_mask,
        "vessel_mask": raw.vessel_mask > 0,
        "leakage_mask": raw.leakage_mask > 0,
    }
    images = {
        name: mask.astype(np.uint8) * 255 for name, mask in masks.items()
    } | {"fundus": pair.fundus, "ffa": pair.ffa}
    # TensorFlow's encoder, which TFDS would use, takes 15 times as long.
    return {
        **{name: encode_png(image) for name, image in images.items()},
        "circular": pair.circular,
    }
