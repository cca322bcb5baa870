"""Training from photographs and angiograms that are not of the same eyes."""

import contextlib
import dataclasses
import functools
import io
from pathlib import Path

import keras
import numpy as np
import pytest

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.methods import METHODS
from ffa_keras.training import loop, train as training
from ffa_keras.training.config import make_configs
from ffa_keras.training.runs import load_generator

UNPAIRED = [name for name, method in METHODS.items() if not method.paired]


def _config(method, dataset, run_dir):
    return make_configs(
        METHODS,
        dataset_dir=str(dataset),
        run_dir=str(run_dir),
        num_filters=4,
        num_blocks=0,
        discriminator_filters=4,
        perceptual_weight=0.0,
        pool_size=2,
        patch_height=48,
        patch_width=48,
        patch_sampling="random",
        patches_per_pair=1,
        batch_size=2,
        constant_epochs=1,
        decay_epochs=0,
    )[method]


def _train(config, resume=False):
    """Train as in a process of its own.

    Keras numbers its layers on within one, and TensorFlow's graph optimizer
    orders sums by their names.
    """
    keras.utils.clear_session()
    training.train(config, resume=resume)


@pytest.fixture(scope="module")
def whole_run(unpaired_dataset, tmp_path_factory):
    """Settings of a whole run of a method, and what it said; trained once."""

    @functools.cache
    def trained(method):
        run_dir = tmp_path_factory.mktemp(method) / "whole"
        config = _config(method, unpaired_dataset, run_dir)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            _train(config)
        return config, said.getvalue()

    return trained


@pytest.mark.parametrize(
    "method",
    [
        # Its graph alone takes half a minute.
        pytest.param(m, marks=pytest.mark.slow if m == "disentangled" else ())
        for m in UNPAIRED
    ],
)
def test_an_archive_without_pairs_is_trained_on_and_not_measured(
    whole_run, method
):
    config, said = whole_run(method)
    assert "PSNR and SSIM are not measured" in said
    assert "validation after step" not in said
    assert not Path(config.run_dir, "validation.csv").exists()
    assert load_generator(config.run_dir).count_params()


@pytest.mark.parametrize("method", ["proposed", "unet_regression"])
def test_a_method_that_needs_pairs_refuses_an_archive_without(
    unpaired_dataset, tmp_path, method
):
    with pytest.raises(InputError) as refusal:
        _train(_config(method, unpaired_dataset, tmp_path / "run"))
    message = str(refusal.value)
    assert message.startswith(f"--method={method}: learns from pairs, and in")
    assert "--method=cyclegan" in message
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("method", UNPAIRED)
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    whole_run, tmp_path, method, monkeypatch, latest_variables
):
    whole, _ = whole_run(method)
    # Asked before the first step, and after it.
    answers = iter([False, True])
    run = loop.Loop.run
    with monkeypatch.context() as patched:
        patched.setattr(
            loop.Loop, "run", lambda self, _: run(self, lambda: next(answers))
        )
        stopped = dataclasses.replace(whole, run_dir=str(tmp_path / "stopped"))
        with pytest.raises(Interrupted, match="saved after step"):
            _train(stopped)
    _train(stopped, resume=True)
    one, other = (latest_variables(c.run_dir) for c in (whole, stopped))
    for name, values in one.items():
        if not name.startswith(("save_counter", "_checkpoint")):
            np.testing.assert_array_equal(values, other[name], err_msg=name)
