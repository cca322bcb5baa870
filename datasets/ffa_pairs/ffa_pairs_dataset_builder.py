"""ffa_pairs: fundus photographs aligned with their fluorescein angiograms."""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
import tqdm

from ffa_keras.data.align import align_entry, align_images, check_alignable
from ffa_keras.data.images import encode_png
from ffa_keras.data.manifest import (
    CATEGORIES,
    SPLITS,
    PairEntry,
    read_manifest,
)
from ffa_keras.data.phantom import make_pair
from ffa_keras.data.splits import (
    DEFAULT_KEY_FILE,
    hashed_id,
    read_key,
    split_pairs,
)
from ffa_keras.errors import InputError

_PHANTOM_CATEGORIES = ("normal", "optic_disc", "large_focal", "punctate_focal")
# The splits of ten patients: 20 % test, and every split from four pairs on.
_PHANTOM_SPLITS = (
    "train test validation train train train test train train train"
).split()
_MIN_PHANTOM_PAIRS = 4


@dataclasses.dataclass(eq=False, kw_only=True)
class PhantomConfig(tfds.core.BuilderConfig):
    """Pairs drawn by the project itself.

    Attributes:
        num_pairs: of all splits together.
        image_size: side of the square images, pixels.
        seed: same seed, same pairs.
    """

    num_pairs: int = 80
    image_size: int = 256
    seed: int = 0


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(tfds.core.BuilderConfig):
    """A clinic's pairs, listed in a manifest.

    Attributes:
        manifest: path of the CSV file; `pairs.csv` in the manual folder of
            TFDS if it is empty.
        assume_aligned: whether pairs without affine and landmarks lie on each
            other already.
        key_file: secret key of the patient hashes, made on first use.
    """

    manifest: str = ""
    assume_aligned: bool = False
    key_file: str = str(DEFAULT_KEY_FILE)


@dataclasses.dataclass(frozen=True)
class _Pair:
    """A pair to be written; `load` returns its PNG images by feature name."""

    pair_id: str
    patient: str
    eye: str
    category: str
    load: Callable[[], dict[str, bytes]]


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for ffa_pairs."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Config folder: put pairs.csv and the images it names into the folder."
    )
    BUILDER_CONFIGS = [
        PhantomConfig(
            name="phantom", description="Drawn pairs with exact truth masks."
        ),
        FolderConfig(
            name="folder", description="Pairs listed in a clinic's manifest."
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        features: dict[str, Any] = {
            "fundus": _png(3),
            "ffa": _png(1),
            "valid_mask": _png(1),
            "category": tfds.features.ClassLabel(names=CATEGORIES),
            "patient": tfds.features.Text(),
            "eye": tfds.features.Text(),
            "pair": tfds.features.Text(),
        }
        if isinstance(self.builder_config, PhantomConfig):
            features |= {"vessel_mask": _png(1), "leakage_mask": _png(1)}
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("fundus", "ffa"),
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator]:
        config = self.builder_config
        if isinstance(config, PhantomConfig):
            key = f"phantom {config.seed}".encode()
            pairs, splits = _phantom_pairs(config)
        else:
            manifest = config.manifest or dl_manager.manual_dir / "pairs.csv"
            entries = read_manifest(manifest)
            check_alignable(entries, config.assume_aligned)
            key = read_key(config.key_file)
            splits = split_pairs(entries, key)
            pairs = [_folder_pair(e, config.assume_aligned) for e in entries]
        return {
            split: self._generate_examples(
                split,
                [p for p, s in zip(pairs, splits, strict=True) if s == split],
                key,
            )
            for split in SPLITS
            if split in splits
        }

    def _generate_examples(
        self, split: str, pairs: Sequence[_Pair], key: bytes
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


def _png(channels: int) -> tfds.features.Image:
    return tfds.features.Image(
        shape=(None, None, channels), encoding_format="png"
    )


def _folder_pair(entry: PairEntry, assume_aligned: bool) -> _Pair:
    def load() -> dict[str, bytes]:
        pair = align_entry(entry, assume_aligned)
        return _images(pair.fundus, pair.ffa, valid_mask=pair.valid_mask)

    return _Pair(entry.pair_id, entry.patient, entry.eye, entry.category, load)


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


def _load_phantom(seed: int, category: str, size: int) -> dict[str, bytes]:
    raw = make_pair(seed, category, size)
    pair = align_images(raw.fundus, raw.ffa, raw.matrix)
    return _images(
        pair.fundus,
        pair.ffa,
        valid_mask=pair.valid_mask,
        vessel_mask=raw.vessel_mask > 0,
        leakage_mask=raw.leakage_mask > 0,
    )


def _images(
    fundus: np.ndarray, ffa: np.ndarray, **masks: np.ndarray
) -> dict[str, bytes]:
    """Return PNG images by feature name, masks as 0 or 255."""
    frame = (*ffa.shape[:2], 1)
    images = {
        name: mask.reshape(frame).astype(np.uint8) * 255
        for name, mask in masks.items()
    } | {"fundus": fundus, "ffa": ffa}
    # TensorFlow's encoder, which TFDS would use, takes 15 times as long.
    return {name: encode_png(image) for name, image in images.items()}
