"""A run may begin with what another has learnt."""

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.training.checkpoints import Checkpoints
from ffa_keras.training.config import make_config
from ffa_keras.training.initial import initialise
from ffa_keras.training.runs import claim, save_generator
from ffa_keras.training.train import tell_scale


def _config(run_dir="", **changes):
    small = {
        "num_filters": 2, "num_blocks": 1, "discriminator_filters": 2,
        "perceptual_weight": 0.0, "patch_height": 32, "patch_width": 32,
        "patch_sampling": "random", "run_dir": str(run_dir),
    }  # fmt: skip
    return make_config(**{**small, **changes})


def _method(**changes):
    config = _config(**changes)
    return METHODS[config.method].build(config)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with generator and checkpoint, and its system."""
    folder = tmp_path_factory.mktemp("run")
    method = _method()
    claim(_config(folder))
    save_generator(method.generator, folder)
    Checkpoints(folder / "checkpoints", 1, True, method=method).save()
    return folder, method


def _weights(network):
    return [np.array(w) for w in network.get_weights()]


def _same(first, second):
    return all(
        np.array_equal(a, b)
        for a, b in zip(_weights(first), _weights(second), strict=True)
    )


def test_a_run_folder_gives_generator_and_discriminator(run):
    folder, trained = run
    fresh = _method()
    assert not _same(fresh.generator, trained.generator)
    initialise(fresh, str(folder))
    assert _same(fresh.generator, trained.generator)
    assert _same(fresh.discriminator, trained.discriminator)


def test_a_keras_file_gives_the_generator_alone(run):
    folder, trained = run
    fresh = _method()
    initialise(fresh, str(folder / "generator.keras"))
    assert _same(fresh.generator, trained.generator)
    assert not _same(fresh.discriminator, trained.discriminator)


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"num_filters": 4}, "--num_filters=2"),
        ({"num_blocks": 3}, "--num_blocks=1"),
        ({"method": "unet_regression"}, "ResnetGenerator"),
        ({"discriminator_filters": 4}, "--discriminator_filters"),
    ],
)
def test_another_architecture_is_refused_with_the_cure(run, changes, cure):
    if "method" in changes:
        method = METHODS["unet_regression"].build(
            make_config(
                method="unet_regression", num_filters=2, patch_sampling="random"
            )
        )
    else:
        method = _method(**changes)
    with pytest.raises(InputError, match=f"--init_from=.*{cure}"):
        initialise(method, str(run[0]))


def test_what_holds_no_generator_is_refused(tmp_path):
    with pytest.raises(InputError, match="--init_from="):
        initialise(_method(), str(tmp_path))


@pytest.mark.parametrize("diameter, told", [(0, 0), (120, 0), (512, 1)])
def test_another_scale_than_that_of_translation_is_told(
    phantom_dataset, capsys, diameter, told
):
    dataset = PreparedDataset.find(phantom_dataset)
    tell_scale(_config(field_diameter=diameter), dataset)
    said = capsys.readouterr().out
    assert said.count("warning: the field of view of these photographs") == told
