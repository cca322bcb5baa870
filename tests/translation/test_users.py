"""Those who judge a generator take any form and any size of photograph."""

import json

import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.evaluate import evaluate_model, evaluate_run
from ffa_keras.models import ResnetGenerator, UnetGenerator
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


def test_other_generators_take_frames_as_a_whole():
    assert keras_model.takes_strips(ResnetGenerator(4, 1), (2048, 2048, 3))
    assert not keras_model.takes_strips(ResnetGenerator(4, 1), (1024, 1024, 3))
    assert not keras_model.takes_strips(UnetGenerator(4), (2048, 2048, 3))
