"""`train_main.py` as a user runs it: a run, its folder, resume, replicas."""

import dataclasses

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.training import train as training
from ffa_keras.training.runs import load_config, load_generator


def test_a_run_leaves_what_its_folder_promises(trained_run, read_scalars):
    assert load_config(trained_run).num_filters == 4
    fake = load_generator(trained_run)(np.zeros((1, 30, 41, 3), "float32"))
    assert fake.shape == (1, 30, 41, 1)

    scalars, _ = read_scalars(trained_run / "train")
    assert {
        "loss/adversarial", "loss/pixel", "loss/saliency", "loss/generator",
        "loss/discriminator", "learning_rate/generator",
        "learning_rate/discriminator", "images_per_second",
    } == scalars.keys()  # fmt: skip
    assert all(
        np.isfinite(list(values.values())).all() for values in scalars.values()
    )
    steps = max(scalars["loss/pixel"])
    # The rate is constant for the first epoch and zero after the last.
    rates = scalars["learning_rate/generator"]
    assert rates[3] == pytest.approx(2e-4)
    assert rates[steps] == 0

    figures, pictures = read_scalars(trained_run / "validation")
    assert figures.keys() == {"psnr", "ssim", "psnr_fitted"}
    assert set(figures["psnr"]) == {steps // 2, steps}
    assert pictures


def test_a_run_folder_is_not_taken_twice(run_program, trained_run):
    flags = (trained_run / "flags.cfg").read_text().splitlines()
    again = run_program("train_main.py", *flags, check=False)
    assert again.returncode == 2
    assert "already holds a run; add --resume" in again.stderr
    changed = run_program(
        "train_main.py", *flags, "--seed=7", "--resume", check=False
    )
    assert changed.returncode == 2
    assert "--seed=7 (was 0)" in changed.stderr


@pytest.fixture(scope="module")
def replica_steps(run_program, tmp_path_factory):
    """Folder with the state of every method, from one and from two replicas."""
    folder = tmp_path_factory.mktemp("replicas")
    run_program(
        "-m", "tests.training.replica_steps", folder, *METHODS, timeout=1500
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_replicas_train_the_same_weights_as_one(
    replica_steps, read_variables, assert_close, method
):
    # Weights, and Adam's slots, by which a wrong scale of the loss would show
    # as a factor.
    one, two = (
        read_variables(replica_steps / f"{method}-{replicas}")
        for replicas in (1, 2)
    )
    assert_close(one, two, 1e-3)


@pytest.mark.slow
def test_two_replicas_share_the_batches_of_one(train, tmp_path, read_scalars):
    steps = ("--constant_epochs=1", "--decay_epochs=0", "--log_every=1")
    train(*steps, "--batch_size=6", run_dir="one")
    train(*steps, "--batch_size=3", "--replicas=2", run_dir="two")
    one, two = (
        read_scalars(tmp_path / name / "train")[0] for name in ("one", "two")
    )
    for name in one:
        if name.startswith("loss/"):
            assert len(one[name]) == 3
            # Before any update, and after updates that rounded otherwise.
            assert two[name][1] == pytest.approx(one[name][1], rel=1e-5)
            assert two[name] == pytest.approx(one[name], rel=0.05)
    scores = [
        read_scalars(tmp_path / name / "validation")[0]["psnr"]
        for name in ("one", "two")
    ]
    assert scores[1] == pytest.approx(scores[0], abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(train, tmp_path, precision, read_scalars):
    train("--constant_epochs=1", "--decay_epochs=0", f"--precision={precision}")
    scalars, _ = read_scalars(tmp_path / "run/train")
    for values in scalars.values():
        assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"dataset_dir": "nowhere"}, "--dataset_dir=nowhere: no such folder"),
        ({"run_dir": ""}, "--run_dir: missing"),
        ({"patch_height": 500}, "has only 128x128 pixels"),
        ({"batch_size": 9999}, "--batch_size=9999: only"),
        ({"vgg_weights": "no.npz", "perceptual_weight": 1.0}, "no such file"),
        ({"min_valid": 1.0, "patch_height": 128, "patch_width": 128},
         "--min_valid=1.0: no 128x128 patch"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_leaves_nothing(
    trained_run, tmp_path, settings, message
):
    config = dataclasses.replace(
        load_config(trained_run),
        **{"run_dir": str(tmp_path / "run"), **settings},
    )
    with pytest.raises(InputError, match=message):
        training.train(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--replicas=3", "--batch_size=8"], "error: --batch_size=8: only "),
        (["--num_blocks=some"], "num_blocks"),
        (["stray"], "error: unexpected argument 'stray'"),
    ],
)
def test_a_refusal_is_one_line_and_a_status(train, tmp_path, flags, message):
    refused = train(*flags, check=False)
    assert refused.returncode != 0
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "run").exists()
