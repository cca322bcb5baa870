"""Exported generators answer with the generator's own values."""

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.signatures import ExportedGenerator
from ffa_keras.training.runs import load_generator

SIZES = [(97, 130), (576, 720)]


@pytest.fixture(scope="module")
def saved_model(run_program, trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "ffa"
    run_program(
        "-m", "export.saved_model", f"--run_dir={trained_run}",
        f"--output={folder}",
    )  # fmt: skip
    return folder / "1"


@pytest.fixture(scope="module")
def tflite(run_program, trained_run, tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "ffa.tflite"
    run_program(
        "-m", "export.tflite", f"--run_dir={trained_run}", f"--output={file}"
    )
    return file


def _fundus(size, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (1, *size, 3)).astype("float32")


def _keras(run_dir, fundus):
    return load_generator(run_dir)(fundus).numpy()


@pytest.mark.parametrize("size", SIZES)
def test_saved_model_equals_keras(trained_run, saved_model, size):
    fundus = _fundus(size)
    network = tf.saved_model.load(str(saved_model)).signatures["network"]
    np.testing.assert_allclose(
        network(fundus=tf.constant(fundus))["ffa"],
        _keras(trained_run, fundus),
        atol=1e-4,
    )


@pytest.mark.parametrize("size", SIZES)
def test_tflite_equals_keras(trained_run, tflite, size):
    fundus = _fundus(size)
    grey = (fundus + 1) * 127.5
    serve = Interpreter(model_path=str(tflite)).get_signature_runner(
        "serving_default"
    )
    answer = serve(fundus=grey)["ffa"] / 127.5 - 1
    np.testing.assert_allclose(answer, _keras(trained_run, fundus), atol=1e-4)


def test_serving_default_speaks_grey_levels(trained_run, saved_model, tflite):
    network = _fundus((40, 61))
    grey = ((network + 1) * 127.5).astype("float32")
    expected = (_keras(trained_run, network) + 1) * 127.5
    loaded = tf.saved_model.load(str(saved_model))
    served = loaded.signatures["serving_default"](fundus=tf.constant(grey))
    lite = Interpreter(model_path=str(tflite)).get_signature_runner(
        "serving_default"
    )(fundus=grey)
    assert set(served) == set(lite) == {"ffa"}
    np.testing.assert_allclose(served["ffa"], expected, atol=0.02)
    np.testing.assert_allclose(lite["ffa"], expected, atol=0.02)


def test_a_batch_is_answered_image_by_image(saved_model):
    serve = tf.saved_model.load(str(saved_model)).signatures["network"]
    batch = np.concatenate([_fundus((32, 48), seed) for seed in range(3)])
    together = serve(fundus=tf.constant(batch))["ffa"]
    alone = [serve(fundus=tf.constant(x[None]))["ffa"][0] for x in batch]
    np.testing.assert_allclose(together, alone, atol=1e-5)


_LOADER = """
import sys
import numpy as np
import tensorflow as tf
assert "ffa_keras" not in sys.modules
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["network"]
    answer = session.run(
        signature.outputs["ffa"].name,
        {signature.inputs["fundus"].name: np.load(sys.argv[2])},
    )
assert not any(name.startswith("ffa_keras") for name in sys.modules)
np.save(sys.argv[3], answer)
"""


@pytest.mark.parametrize("size", SIZES)
def test_the_loader_of_tf_serving_needs_none_of_our_code(
    trained_run, saved_model, tmp_path, size
):
    fundus = _fundus(size)
    np.save(tmp_path / "fundus.npy", fundus)
    subprocess.run(
        [
            sys.executable, "-I", "-c", _LOADER, saved_model,
            tmp_path / "fundus.npy", tmp_path / "ffa.npy",
        ],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    np.testing.assert_allclose(
        np.load(tmp_path / "ffa.npy"), _keras(trained_run, fundus), atol=1e-4
    )


def test_versions_count_up_and_are_never_replaced(
    run_program, trained_run, saved_model
):
    folder = saved_model.parent
    flags = (f"--run_dir={trained_run}", f"--output={folder}")
    run_program("-m", "export.saved_model", *flags)
    assert (folder / "2" / "saved_model.pb").is_file()
    again = run_program(
        "-m", "export.saved_model", *flags, "--version=1", check=False
    )
    assert again.returncode == 2
    assert "versions are never replaced" in again.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["1", "2"]


@pytest.mark.parametrize(
    "program, flags, message",
    [
        ("saved_model", ["--run_dir=nowhere", "--output={tmp}/m"],
         "no generator.keras there; train first"),
        ("tflite", ["--run_dir=nowhere", "--output={tmp}/m.tflite"],
         "no generator.keras there; train first"),
        ("tflite", ["--run_dir={run}", "--output={tmp}/m.bin"],
         "name a file ending in .tflite"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(
    run_program, trained_run, tmp_path, program, flags, message
):
    flags = [flag.format(tmp=tmp_path, run=trained_run) for flag in flags]
    refused = run_program("-m", f"export.{program}", *flags, check=False)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupted_export_leaves_nothing(
    trained_run, tmp_path, monkeypatch
):
    from export import saved_model

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        saved_model.export_saved_model(trained_run, tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())


def test_every_endpoint_names_its_tensors(trained_run):
    module = ExportedGenerator(load_generator(trained_run))
    assert set(module.signatures) == {"serving_default", "network"}
