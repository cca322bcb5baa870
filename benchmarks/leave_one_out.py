"""Train on the real pairs of all eyes but one, for `real_photographs`."""

import csv
import dataclasses
from pathlib import Path

from datasets.ffa_pairs.configs import FolderConfig
from datasets.ffa_pairs.write import write_dataset
from ffa_keras.files import write_text
from ffa_keras.presets import preset
from ffa_keras.records.dataset import find_dataset
from ffa_keras.training.config import read_config
from ffa_keras.training.train import train

# Untrained networks begin at the rate that the released one began with.
_RATE_FROM_SCRATCH = 4e-4


def trained_without(
    eye: str, pairs: Path, work: Path, init_from: str, seed: int, watched: str
) -> Path:
    """Train by `flagfiles/adapt.cfg` on the pairs of all eyes but one.

    What is in the folder already is used, and what was begun is gone on with.

    Args:
        eye: that is left out.
        pairs: folder with `pairs.csv` and its files.
        work: folder for datasets and runs.
        init_from: what training begins with; empty for untrained networks.
        seed: of the run.
        watched: the eye that validation looks at; it is not trained on.

    Returns:
        The run folder.
    """
    config = read_config(preset("adapt"))
    if not init_from:
        config = dataclasses.replace(config, learning_rate=_RATE_FROM_SCRATCH)
    config = dataclasses.replace(
        config,
        dataset_dir=str(_dataset_without(eye, pairs, work, watched)),
        run_dir=str(work / f"{eye}_{init_from or 'scratch'}_{seed}"),
        init_from=init_from,
        seed=seed,
    )
    train(config, resume=True)
    return Path(config.run_dir)


def _dataset_without(eye: str, pairs: Path, work: Path, watched: str) -> Path:
    folder = work / f"without_{eye}"
    if not list(folder.glob("ffa_pairs/folder/*/dataset_info.json")):
        manifest = folder / "pairs.csv"
        folder.mkdir(parents=True, exist_ok=True)
        write_text(manifest, _manifest_without(eye, pairs, watched))
        write_dataset(
            FolderConfig(
                name="folder",
                manifest=str(manifest),
                split_by="eye",
                key_file=str(work / "key"),
                cache_dir=str(work / "cache"),
                workers=1,
            ),
            folder,
        )
    return find_dataset(folder)


def _manifest_without(eye: str, pairs: Path, watched: str) -> str:
    lines = ["pair_id,patient,eye,fundus,ffa,split"]
    with open(pairs / "pairs.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["eye"] == eye:
                continue
            split = "validation" if row["eye"] == watched else "train"
            files = [str((pairs / row[k]).resolve()) for k in ("fundus", "ffa")]
            about = [row["pair_id"], row["eye"], row["eye"], *files, split]
            lines.append(",".join(about))
    return "\n".join(lines) + "\n"
