"""Settings: the paper's by default, refused in words where they clash."""

import dataclasses
import pkgutil
import subprocess
import sys
import typing
from pathlib import Path

import pytest

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.methods.options import term_weights
from ffa_keras.settings import learning, write_flagfile
from ffa_keras.training.config import (
    CONFIGS,
    make_config,
    make_configs,
    read_config,
)
from ffa_keras.training.runs import as_begun, check_vacant, claim

ROOT = Path(__file__).parents[2]
FLAGFILES = ROOT / "flagfiles"
# What a run folder of version 0.1 said of options that pix2pix does not have.
OTHERS_BEFORE = (
    "--num_blocks=9\n--dropout=0.0\n--perceptual_weight=0.001\n"
    "--saliency_weight=1.0\n--cycle_weight=10.0\n--identity_weight=5.0\n"
    "--pool_size=50\n--regression_loss=l1\n--vgg_weights=imagenet\n"
)


@pytest.mark.parametrize("method", METHODS)
def test_settings_come_back_from_their_file(tmp_path, method):
    config = make_config(
        method, dataset_dir="a b=c", learning_rate=1e-5, flip=False, replicas=2,
        batch_size=4,
    )  # fmt: skip
    write_flagfile(tmp_path / "flags.cfg", config)
    assert read_config(tmp_path / "flags.cfg") == config


def test_a_file_of_settings_names_those_of_its_method_only(tmp_path):
    write_flagfile(tmp_path / "flags.cfg", make_config("pix2pix"))
    text = (tmp_path / "flags.cfg").read_text()
    assert "--method=pix2pix\n" in text and "--pixel_weight=100.0\n" in text
    assert "saliency" not in text and "regression_loss" not in text


@pytest.mark.parametrize(
    "name", sorted(path.name for path in FLAGFILES.glob("*.cfg"))
)
def test_every_flagfile_is_valid(name):
    config = read_config(FLAGFILES / name)
    if name.removesuffix(".cfg") in METHODS:
        assert config.method == name.removesuffix(".cfg")


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_the_patches_and_schedule_of_the_paper(method):
    name = "isfahan" if method == "proposed" else method
    config = read_config(FLAGFILES / f"{name}.cfg")
    assert config.epochs == 200 and config.constant_epochs == 100
    assert (config.patch_height, config.patch_width) == (288, 360)
    assert learning(config) == {
        **learning(make_config(method)),
        "patch_height": 288,
        "patch_width": 360,
        "patch_stride": 144,
    }


def test_hra_flagfile_is_the_paper_and_the_defaults():
    config = read_config(FLAGFILES / "hra.cfg")
    assert config == make_config()
    assert config.epochs == 200
    assert (config.num_filters, config.num_blocks) == (64, 9)
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
        ({"select_by": "looks"}, "--select_by=looks: expected one of psnr_"),
        ({"batch_size": 0}, "--batch_size=0: must be at least 1"),
        ({"dropout": 1.5}, "--dropout=1.5: must be at most 0.9"),
        ({"learning_rate": float("nan")}, "--learning_rate=nan: must be"),
        ({"seed": 2**32}, "--seed=4294967296: must be at most 4294967295"),
        ({"patch_height": 64, "patch_stride": 64, "shift_tolerance": 9},
         "--shift_tolerance=9: patches of 64x512 pixels leave too little"),
        ({"patch_stride": 600}, "--patch_stride=600 skips pixels"),
        ({"constant_epochs": 0, "decay_epochs": 0}, "nothing to train"),
        (
            {"pixel_weight": 0, "adversarial_weight": 0,
             "perceptual_weight": 0, "saliency_weight": 0},
            "--saliency_weight: every loss weight is 0",
        ),
        ({"saliency_windows": "25,50"},
         "--saliency_windows=25,50: give odd numbers of 9 to 511"),
        ({"saliency_windows": "wide"},
         "--saliency_windows=wide: give odd numbers of 9 to 511"),
        ({"method": "no_saliency", "saliency_windows": "25"},
         "--saliency_windows=25: not a setting of --method=no_saliency"),
        ({"method": "cyclegan", "shift_tolerance": 2},
         "--shift_tolerance=2: not a setting of --method=cyclegan"),
        (
            {"method": "no_saliency", "pixel_weight": 0,
             "adversarial_weight": 0, "perceptual_weight": 0},
            "every loss weight is 0",
        ),
        (
            {"method": "cyclegan", "adversarial_weight": 0, "cycle_weight": 0,
             "identity_weight": 0},
            "every loss weight is 0",
        ),
    ],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        make_config(**settings)


def test_only_the_terms_that_a_method_has_are_asked_for_a_weight():
    """CycleGAN learns from its cycles; a regression has no weights at all."""
    make_config("cyclegan", adversarial_weight=0.0, identity_weight=0.0)
    make_config("resnet_regression")


@pytest.mark.parametrize(
    "method, option, value, owner",
    [
        ("pix2pix", "saliency_weight", 5.0, "proposed"),
        ("unet_regression", "pixel_weight", 7.0, "pix2pix"),
        ("no_saliency", "saliency_weight", 1.5, "no_patchgan"),
        ("proposed", "pool_size", 3, "cyclegan"),
        ("resnet_regression", "regression_loss", "l2", "unet_regression"),
    ],
)
def test_an_option_of_another_method_is_refused_in_words(
    tmp_path, method, option, value, owner
):
    message = f"--{option}={value}: not a setting of --method={method}.*{owner}"
    with pytest.raises(InputError, match=message):
        make_config(method, **{option: value})
    (tmp_path / "a.cfg").write_text(f"--{option}={value}\n--method={method}\n")
    with pytest.raises(InputError, match=message):
        read_config(tmp_path / "a.cfg")


@pytest.mark.parametrize("begun, asked, goes_on", [
    ("psnr", "psnr_fitted", "psnr"),
    ("psnr_fitted", "psnr_fitted", "psnr_fitted"),
    ("psnr", "ssim", "ssim"),
])  # fmt: skip
def test_a_run_goes_on_by_the_rule_it_began_with(
    tmp_path, begun, asked, goes_on
):
    claim(make_config(run_dir=str(tmp_path), select_by=begun))
    config = make_config(run_dir=str(tmp_path), select_by=asked)
    assert as_begun(config).select_by == goes_on


def test_a_new_run_selects_by_no_brightness(tmp_path):
    config = make_config(run_dir=str(tmp_path))
    assert as_begun(config) == config
    assert config.select_by == "psnr_fitted"


def test_a_run_of_before_goes_on_though_it_names_every_option(tmp_path):
    config = make_config("pix2pix", run_dir=str(tmp_path), seed=3)
    write_flagfile(tmp_path / "flags.cfg", config)
    with open(tmp_path / "flags.cfg", "a") as file:
        file.write(OTHERS_BEFORE)
    assert read_config(tmp_path / "flags.cfg") == config
    check_vacant(config, resume=True)
    with open(tmp_path / "flags.cfg", "a") as file:
        file.write("--saliency_weight=2.0\n")
    with pytest.raises(InputError, match="saliency_weight=2.0: not a setting"):
        check_vacant(config, resume=True)


def test_a_run_goes_on_with_other_places_and_reports_alone(tmp_path):
    config = make_config(run_dir=str(tmp_path))
    write_flagfile(tmp_path / "flags.cfg", config)
    moved = {"dataset_dir": "there", "vgg_weights": "moved.npz"}
    reports = {"log_every": 7, "checkpoint_every": 2, "keep_checkpoints": 9}
    check_vacant(dataclasses.replace(config, **moved, **reports), resume=True)
    for changed in ({"pixel_weight": 7.0}, {"flip": False}, {"seed": 1}):
        with pytest.raises(InputError, match=f"--{next(iter(changed))}="):
            check_vacant(dataclasses.replace(config, **changed), resume=True)
    with pytest.raises(InputError, match=r"--method=pix2pix \(was proposed\)"):
        check_vacant(make_config("pix2pix", run_dir=str(tmp_path)), resume=True)


def test_runs_alike_take_each_the_settings_that_it_has():
    configs = make_configs(
        ["pix2pix", "cyclegan"], num_filters=8, pixel_weight=3.0, pool_size=2
    )
    assert [c.num_filters for c in configs.values()] == [8, 8]
    assert configs["pix2pix"].pixel_weight == 3.0
    assert configs["cyclegan"].pool_size == 2
    # A flagfile for all systems serves some of them too.
    (alone,) = make_configs(["pix2pix"], pool_size=2, seed=3).values()
    assert alone.seed == 3 and not hasattr(alone, "pool_size")
    with pytest.raises(InputError, match="--drop=0.5: not a setting of any"):
        make_configs(["pix2pix", "unet_regression"], drop=0.5)


def test_every_term_that_a_method_can_weight_exists():
    for name, method in METHODS.items():
        made = pkgutil.resolve_name(f"ffa_keras.methods.{method.builder}")
        system = made
        if not isinstance(made, type):
            system = typing.get_type_hints(made)["return"]
        assert term_weights(make_config(name)).keys() <= system.TERMS.keys()


def test_a_flag_is_of_one_type_whatever_the_method():
    types = {}
    for config in CONFIGS.values():
        for name, kind in typing.get_type_hints(config).items():
            assert types.setdefault(name, kind) is kind


@pytest.mark.parametrize(
    "text, message",
    [
        ("--speed=9\n", "speed"),
        ("--num_blocks=many\n", "--num_blocks=many"),
        ("--flip=perhaps\n", "--flip=perhaps"),
        ("rubbish\n", "'rubbish' is no setting"),
        ("\0\x80\n", "decode"),
    ],
)
def test_a_damaged_file_is_refused_by_name(tmp_path, text, message):
    path = tmp_path / "flags.cfg"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(
        InputError, match=f"flags.cfg: cannot be read.*{message}"
    ):
        read_config(path)


def test_an_absent_file_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="flags.cfg: cannot be read"):
        read_config(tmp_path / "flags.cfg")


def test_settings_cost_no_tensorflow():
    code = (
        "import sys, ffa_keras.training.config;"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
