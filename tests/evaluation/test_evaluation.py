"""The evaluation report: its numbers, its words, its refusals."""

import json
import re

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from ffa_keras.data.pipeline import load_pairs
from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import inverted_green, mean_training_ffa
from ffa_keras.evaluation.evaluate import evaluate_run
from ffa_keras.evaluation.metrics import judge
from ffa_keras.evaluation.report import summarise, tables
from ffa_keras.evaluation.statistics import mean_with_interval
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import translate


@pytest.fixture(scope="module")
def evaluated(run_program, trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "report"
    done = run_program(
        "-m", "ffa_keras.evaluation", f"--run_dir={trained_run}",
        f"--output={folder}",
    )  # fmt: skip
    return folder, done.stdout


def test_the_report_holds_the_numbers_of_an_independent_count(
    evaluated, trained_run, phantom_dataset
):
    folder, _ = evaluated
    report = json.loads((folder / "report.json").read_text())
    generator = load_generator(trained_run)
    images = report["answers"]["generator"]["images"]
    pairs = list(load_pairs(phantom_dataset, "test").as_numpy_iterator())
    assert len(images) == len(pairs)
    expected = []
    for image, pair in zip(images, pairs, strict=True):
        fake = translate(generator, pair["fundus"])
        valid = pair["valid_mask"] > 0
        psnr = peak_signal_noise_ratio(
            pair["ffa"][valid], fake[valid], data_range=255
        )
        assert image["pair"] == pair["pair"].decode()[:8]
        assert image["psnr_valid"] == pytest.approx(psnr, abs=1e-4)
        expected.append(psnr)
    summary = report["answers"]["generator"]["groups"]["all"]["psnr_valid"]
    assert summary["mean"] == pytest.approx(np.mean(expected), abs=1e-4)
    assert summary["n"] == len(pairs)


def test_the_generator_stands_beside_the_trivial_answers(evaluated):
    folder, printed = evaluated
    report = json.loads((folder / "report.json").read_text())
    names = ["generator", "mean training FFA", "inverted green channel"]
    assert list(report["answers"]) == names
    assert all(name in printed for name in names)


def test_all_three_forms_say_the_same(evaluated):
    folder, _ = evaluated
    report = json.loads((folder / "report.json").read_text())
    markdown = (folder / "report.md").read_text()
    page = (folder / "report.html").read_text()
    for rows in tables(report).values():
        for row in rows[1:]:
            assert "| " + " | ".join(row) + " |" in markdown
            assert "".join(f"<td>{cell}</td>" for cell in row) in page
    for text in (markdown, page):
        assert "not for clinical use" in text


def test_every_image_has_its_figure(evaluated):
    folder, _ = evaluated
    page = (folder / "report.html").read_text()
    figures = re.findall(r'src="(figures/[0-9a-f]{8}\.png)"', page)
    assert figures
    for figure in [*figures, "figures/overview.png"]:
        height, width, channels = cv2.imread(str(folder / figure)).shape
        assert width >= 6 * 128 and height >= 128 and channels == 3


def test_no_patient_is_named(evaluated, phantom_dataset):
    folder, printed = evaluated
    texts = [printed] + [
        (folder / f"report.{kind}").read_text()
        for kind in ("json", "md", "html")
    ]
    for pair in load_pairs(phantom_dataset, "test").as_numpy_iterator():
        for text in texts:
            assert pair["patient"].decode() not in text


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"run_dir": "nowhere"}, "--run_dir=nowhere: no such folder"),
        ({"dataset_dir": "nowhere"}, "--dataset_dir=nowhere: no such folder"),
        ({"split": "tomorrow"}, "the tomorrow split is empty"),
        ({"output": "{run}"}, "exists and is no evaluation"),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(
    trained_run, tmp_path, changed, message
):
    arguments = {
        "run_dir": str(trained_run),
        "output": str(tmp_path / "report"),
        **{k: text.format(run=trained_run) for k, text in changed.items()},
    }
    with pytest.raises(InputError, match=message):
        evaluate_run(**arguments)
    assert not list(tmp_path.iterdir())
    assert (trained_run / "generator.keras").is_file()


def test_perfect_images_are_valid_json_and_counted_out():
    flat = np.full((16, 16, 1), 9, np.uint8)
    figures = judge(flat, flat, flat)
    about = {"pair": "0" * 8, "patient": "p", "category": "normal"}
    report = summarise({"generator": [{**about, **figures}]}, {})
    json.dumps(report, allow_nan=False)
    summary = report["answers"]["generator"]["groups"]["all"]
    assert summary["psnr"]["mean"] is None
    assert summary["psnr"]["n"] == 0
    assert summary["ssim"]["mean"] == pytest.approx(1)
    assert tables(report)["Summary"][1][1] == "none"


def test_the_interval_resamples_patients_not_images():
    rng = np.random.default_rng(0)
    by_patient = rng.normal(20, 3, 40)
    once = mean_with_interval(by_patient, [f"p{i}" for i in range(40)])
    thrice = mean_with_interval(
        np.repeat(by_patient, 3), np.repeat([f"p{i}" for i in range(40)], 3)
    )
    assert thrice["mean"] == pytest.approx(once["mean"])
    width = once["high"] - once["low"]
    # Normal theory: twice 1.96 standard errors.
    assert width == pytest.approx(3.92 * by_patient.std() / 40**0.5, rel=0.15)
    assert thrice["high"] - thrice["low"] == pytest.approx(width, rel=0.1)


def test_one_patient_has_no_interval():
    assert np.isnan(mean_with_interval([1.0, 2.0], ["p", "p"])["low"])


def test_the_inverted_green_channel():
    fundus = np.dstack([np.full((2, 2), v, np.uint8) for v in (10, 20, 30)])
    np.testing.assert_array_equal(
        inverted_green(fundus), np.full((2, 2, 1), 235)
    )


def test_the_mean_training_ffa_takes_the_size_of_the_question(phantom_dataset):
    pairs = load_pairs(phantom_dataset, "train")
    expected = np.mean([p["ffa"] for p in pairs.as_numpy_iterator()], axis=0)
    answer = mean_training_ffa(pairs)
    same = answer(np.zeros((128, 128, 3), np.uint8))
    np.testing.assert_allclose(same, expected, atol=0.5)
    assert answer(np.zeros((64, 96, 3), np.uint8)).shape == (64, 96, 1)
