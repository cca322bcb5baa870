"""What a release wrote, later ones read: `tests/goldens/release`."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.records.audit.leaks import audit_dataset
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.schema import SPLITS
from ffa_keras.translation.forms import load_translator

RELEASE = Path(__file__).parent / "goldens/release"


@pytest.mark.parametrize(
    "form", ["run", "run/generator.keras", "saved_model", "generator.tflite"]
)
def test_each_form_of_its_generator_gives_the_same_picture(form):
    answer = load_translator(RELEASE / form)(
        read_fundus(RELEASE / "fundus.png")
    )
    kept = read_ffa(RELEASE / "ffa.png")
    np.testing.assert_allclose(answer.astype(int), kept.astype(int), atol=1)


def test_its_records_are_read():
    dataset = PreparedDataset.find(RELEASE / "data")
    pairs = [pair for split in SPLITS for pair in dataset.pairs(split)]
    assert len(pairs) == 8
    for pair in pairs:
        assert pair["fundus"].shape == (96, 96, 3)
        assert pair["ffa"].shape == pair["valid_mask"].shape == (96, 96, 1)
    assert not audit_dataset(dataset)


@pytest.mark.slow
def test_its_run_goes_on_where_it_stopped(run_program, tmp_path):
    run_dir = shutil.copytree(RELEASE / "run", tmp_path / "run")
    run_program(
        "train_main.py",
        f"--flagfile={run_dir}/flags.cfg",
        f"--dataset_dir={RELEASE}/data",
        f"--run_dir={run_dir}",
        "--resume",
    )
    with (run_dir / "validation.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["500", "1000"]
