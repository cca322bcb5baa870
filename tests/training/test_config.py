"""Settings: the paper's by default, refused in words where they clash."""

from pathlib import Path

import pytest

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.training.config import TrainConfig

FLAGFILES = Path(__file__).parents[2] / "flagfiles"


def _read(name):
    lines = (FLAGFILES / name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def test_settings_come_back_from_their_file(tmp_path):
    config = TrainConfig(
        dataset_dir="a b=c", learning_rate=1e-5, flip=False, replicas=2,
        batch_size=4,
    )  # fmt: skip
    config.save(tmp_path / "flags.cfg")
    assert TrainConfig.load(tmp_path / "flags.cfg") == config


@pytest.mark.parametrize(
    "name", sorted(path.name for path in FLAGFILES.glob("*.cfg"))
)
def test_every_flagfile_is_valid(name, tmp_path):
    (tmp_path / name).write_text(_read(name))
    config = TrainConfig.load(tmp_path / name)
    if name.removesuffix(".cfg") in METHODS:
        assert config.method == name.removesuffix(".cfg")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_the_patches_and_schedule_of_the_paper(
    method, tmp_path
):
    name = "isfahan" if method == "proposed" else method
    (tmp_path / "flags.cfg").write_text(_read(f"{name}.cfg"))
    config = TrainConfig.load(tmp_path / "flags.cfg")
    assert config.epochs == 200 and config.constant_epochs == 100
    assert (config.patch_height, config.patch_width) == (288, 360)
    assert (config.num_filters, config.num_blocks) == (64, 9)


def test_hra_flagfile_is_the_paper_and_the_defaults(tmp_path):
    (tmp_path / "hra.cfg").write_text(_read("hra.cfg"))
    config = TrainConfig.load(tmp_path / "hra.cfg")
    assert config == TrainConfig()
    assert config.epochs == 200
    assert (config.learning_rate, config.beta_1, config.beta_2) == (
        2e-4,
        0.5,
        0.999,
    )
    assert (
        config.adversarial_weight,
        config.pixel_weight,
        config.perceptual_weight,
        config.saliency_weight,
    ) == (1, 100, 0.001, 1)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"method": "magic"}, "--method=magic: expected one of proposed"),
        ({"precision": "int4"}, "--precision=int4: expected one of float32"),
        ({"select_by": "looks"}, "--select_by=looks: expected one of psnr"),
        ({"batch_size": 0}, "--batch_size=0: must be at least 1"),
        ({"dropout": 1.5}, "--dropout=1.5: must be at most 0.9"),
        ({"learning_rate": float("nan")}, "--learning_rate=nan: must be"),
        ({"patch_stride": 600}, "--patch_stride=600 skips pixels"),
        ({"constant_epochs": 0, "decay_epochs": 0}, "nothing to train"),
        (
            {"pixel_weight": 0, "adversarial_weight": 0,
             "perceptual_weight": 0, "saliency_weight": 0},
            "every loss weight is 0",
        ),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        TrainConfig(**settings)


@pytest.mark.parametrize(
    "text, message",
    [
        ("--speed=9\n", "unknown setting '--speed=9'"),
        ("--num_blocks=many\n", "--num_blocks=many"),
        ("--flip=perhaps\n", "expected true or false"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "flags.cfg"
    path.write_text(text)
    with pytest.raises(InputError, match=f"flags.cfg: .*{message}"):
        TrainConfig.load(path)


def test_an_absent_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="flags.cfg: cannot be read"):
        TrainConfig.load(tmp_path / "flags.cfg")
