"""Those who judge a generator take any form and any size of photograph."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.evaluation.evaluate import evaluate_model, evaluate_run
from ffa_keras.models import ResnetGenerator, UnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.training.steps import with_predictions
from ffa_keras.translation import forms, keras_model


@pytest.fixture(scope="module")
def judged_run(trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("judged")
    return evaluate_run(trained_run, output=str(folder / "run")).to_json()


def _figures(report):
    return report["answers"]["generator"]["groups"]["all"]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["generator.keras", "saved", "ffa.tflite"])
def test_every_form_is_evaluated_as_its_run_is(
    form, trained_run, phantom_dataset, judged_run, tmp_path
):
    from export.to_saved_model import export_saved_model
    from export.to_tflite import export_tflite

    model = tmp_path / form
    if form == "generator.keras":
        model.write_bytes((trained_run / form).read_bytes())
    elif form == "saved":
        export_saved_model(trained_run, model)
    else:
        export_tflite(trained_run, model)
    out = tmp_path / "judged"
    report = evaluate_model(
        model, str(phantom_dataset), output=str(out)
    ).to_json()
    assert report["facts"]["fingerprint"] == forms.fingerprint(model)
    got, wanted = _figures(report)["psnr"], _figures(judged_run)["psnr"]
    assert got["of"] == wanted["of"]
    assert got["mean"] == pytest.approx(wanted["mean"], abs=0.01)
    card = (out / "model_card.md").read_text()
    assert "not known of an exported generator" in card


@pytest.mark.parametrize(
    "given, missing",
    [({"output": "x"}, "dataset_dir"), ({"dataset_dir": "x"}, "output")],
)
def test_what_only_a_run_knows_must_be_told(given, missing, tmp_path):
    model = tmp_path / "ffa.tflite"
    model.touch()
    with pytest.raises(InputError, match=f"--{missing}: missing"):
        evaluate_model(model, **given)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2])
def test_large_frames_are_validated_in_strips_as_they_are_whole(
    replicas, run_program
):
    done = run_program("-m", "tests.translation.large_frames", replicas)
    step, rounded, in_strips = json.loads(done.stdout.splitlines()[-1])
    assert not step.pop("fake")
    assert in_strips.pop("fake") and rounded.pop("fake")
    # Both answer in whole grey levels, and the step itself does not.
    assert in_strips == pytest.approx(rounded, rel=1e-4)
    assert in_strips["psnr"] == pytest.approx(step["psnr"], rel=1e-3)


def test_frames_of_another_field_are_validated_as_they_are_evaluated():
    generator = ResnetGenerator(4, 1, field_diameter=64)
    generator.build((None, None, None, 3))
    pair = make_pair(0, "normal", 128)
    batch = {"fundus": tf.constant(pair.fundus[None])}
    strategy = tf.distribute.get_strategy()
    fake = with_predictions(strategy, generator, batch)["fake"]
    evaluated = keras_model.translator_of(generator)(pair.fundus)
    np.testing.assert_array_equal(fake[0], evaluated)
    # Frames that it knows are left to the step itself.
    generator.field_diameter = 0
    assert with_predictions(strategy, generator, batch) is batch


def test_other_generators_take_frames_as_a_whole():
    assert keras_model.takes_strips(ResnetGenerator(4, 1), (2048, 2048, 3))
    assert not keras_model.takes_strips(ResnetGenerator(4, 1), (1024, 1024, 3))
    assert not keras_model.takes_strips(UnetGenerator(4), (2048, 2048, 3))
