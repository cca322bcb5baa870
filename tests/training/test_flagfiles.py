"""Every shipped flagfile trains as it is on as many devices as there are."""

from pathlib import Path

import keras
import numpy as np
import pytest

from ffa_keras.methods import METHODS

FLAGFILES = Path(__file__).parents[2] / "flagfiles"
NAMES = [
    path.stem for path in FLAGFILES.glob("*.cfg") if path.stem != "compare"
]
NAMES += [f"compare {method}" for method in METHODS]
# One of each system, with all of its terms, and the one without an adversary:
# others take the same step or a part of it.
STEPPING = {"isfahan", "pretrain", *METHODS} - {"proposed"}


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory):
    """VGG19 weights that mean nothing."""
    rng, arrays = np.random.default_rng(0), {}
    vgg19 = keras.applications.VGG19(include_top=False, weights=None)
    for layer in vgg19.layers:
        for weight in layer.weights if "block4" not in layer.name else ():
            values = rng.normal(0, 0.03, weight.shape).astype(np.float32)
            arrays[f"{layer.name}__{weight.name}"] = values
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def large_dataset(run_program, tmp_path_factory):
    """Phantoms as large as the largest shipped patch."""
    folder = tmp_path_factory.mktemp("large")
    run_program(
        "-m", "datasets.ffa_pairs", "--config=phantom", "--num_pairs=16",
        "--image_size=512", f"--data_dir={folder}",
    )  # fmt: skip
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "replicas, names, stepping",
    [
        (2, NAMES, sorted(STEPPING)),
        # Four devices differ from two in nothing but the number, and in the
        # pool of generated images, which is one for all.
        (4, [], ["cyclegan"]),
    ],
)
def test_every_flagfile_takes_a_step_on_several_devices(
    run_program, large_dataset, vgg_file, tmp_path, replicas, names, stepping
):
    said = run_program(
        "-m", "tests.training.flagfile_steps", replicas, large_dataset,
        tmp_path, vgg_file, *names, "-", *stepping, timeout=1500,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        assert f"{name}: ready on {replicas} devices" in said
    for name in stepping:
        assert f"{name}: saved after step 1; go on with --resume" in said
    devices = ", ".join(f"CPU:{number}" for number in range(replicas))
    line = (
        f"training on {replicas} devices: {devices}; {replicas} patches a step"
    )
    assert said.count(line) == len(names) + len(stepping)
