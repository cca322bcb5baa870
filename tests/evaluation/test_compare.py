"""The comparison: one table in four forms, figure, page, refusals."""

import csv
import io
import json
import re
import shutil

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.compare.grid import comparison_grid, leakage_box
from ffa_keras.evaluation.compare.page import comparison_page
from ffa_keras.evaluation.compare.tables import to_csv, to_latex, to_markdown
from ffa_keras.evaluation.evaluate import evaluate_run
from ffa_keras.evaluation.judging import Case
from ffa_keras.evaluation.report import METRICS, summarise

METHODS = ["proposed", "no_saliency"]


def _case(pair="0a1b2c3d", category="large_focal", centre=(90, 30)):
    rng = np.random.default_rng(int(pair, 16))
    rows, columns = np.ogrid[:120, :160]
    leak = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 12**2

    def ffa():
        return rng.integers(0, 256, (120, 160, 1), np.uint8)

    return Case(
        pair,
        category,
        rng.integers(0, 256, (120, 160, 3), np.uint8),
        ffa(),
        np.ones((120, 160, 1), bool),
        leak[..., None],
        {name: ffa() for name in METHODS},
    )


@pytest.fixture(scope="module")
def report():
    rng = np.random.default_rng(0)
    images = {
        name: [
            {
                "pair": f"{number:08x}",
                "patient": f"p{number}",
                "category": "normal",
                **{metric: float(rng.normal(0.5, 0.1)) for metric in METRICS},
            }
            for number in range(6)
        ]
        for name in METHODS
    }
    for image in images["no_saliency"]:
        image["leak_dice"] = float("nan")
    made = summarise(images, {"split": "test", "methods": METHODS})
    figure = {"mean": -0.1, "low": -0.2, "high": 0.0, "n": 6, "p": 0.25}
    made["paired"] = {"no_saliency": dict.fromkeys(METRICS, figure)}
    return made


def test_csv_holds_every_figure(report):
    rows = list(csv.DictReader(io.StringIO(to_csv(report))))
    assert len(rows) == 2 * 2 * len(METRICS)
    for row in rows:
        answer = report["answers"][row["method"]]["groups"][row["group"]]
        expected = answer[row["metric"]]["mean"]
        assert row["mean"] == ("" if expected is None else str(expected))
    paired = [row for row in rows if row["p"]]
    assert {row["method"] for row in paired} == {"no_saliency"}
    assert {float(row["difference"]) for row in paired} == {-0.1}


def test_latex_marks_the_best_and_escapes_names(report):
    text = to_latex(report)
    means = {
        name: answer["groups"]["all"]["l1_valid"]["mean"]
        for name, answer in report["answers"].items()
    }
    assert rf"\textbf{{{min(means.values()):.2f}}}" in text
    assert r"no\_saliency & " in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    assert [line.count(" & ") for line in body.splitlines()] == [6, 6]


def test_markdown_tells_differences_with_interval_and_p(report):
    text = to_markdown(report)
    assert "-0.100 (-0.200 to +0.000), p = 0.250" in text
    assert "not for clinical use" in text
    assert "## Normal" in text


def test_the_box_lies_on_the_largest_leakage_and_inside_the_image():
    top, left, side = leakage_box(_case(centre=(90, 30)))
    assert abs(top + side / 2 - 90) <= 6 and abs(left + side / 2 - 30) <= 1
    top, left, side = leakage_box(_case(centre=(119, 159)))
    assert (top + side, left + side) == (120, 160)


def test_the_figure_has_two_rows_of_tiles_a_case():
    cases = [_case(), _case("00000001", "normal"), _case("00000002")]
    grid = comparison_grid(cases, METHODS)
    alone = comparison_grid(cases[:1], METHODS)
    assert grid.dtype == np.uint8 and grid.shape[2] == 3
    assert grid.shape[0] == 3 * alone.shape[0]
    # Fundus, real FFA and two answers, 4:3 as the images.
    assert grid.shape[1] >= 4 * 160 * 4 / 3


def test_the_page_needs_nothing_else_and_shows_every_case(report):
    cases = [_case(), _case("00000001", "normal")]
    page = comparison_page(report, cases, METHODS)
    assert not re.search(r"https?://|src=\"[^\"d]|href=", page)
    data = re.search(r"const cases = (\[.*?\]), methods", page, re.DOTALL)
    shown = json.loads(data[1])
    assert [s["title"].split(",")[0] for s in shown] == [c.pair for c in cases]
    for case in shown:
        assert list(case["answers"]) == METHODS
        assert case["fundus"].startswith("data:image/jpeg;base64,")
    assert "not for clinical use" in page


@pytest.fixture(scope="module")
def leaky_dataset(phantom_dataset, tmp_path_factory):
    """The phantom dataset, its test split a copy of the train split."""
    folder = tmp_path_factory.mktemp("leaky") / "data"
    shutil.copytree(phantom_dataset, folder)
    info_path = next(folder.rglob("dataset_info.json"))
    info = json.loads(info_path.read_text())
    splits = {split["name"]: split for split in info["splits"]}
    for key in ("shardLengths", "numBytes"):
        splits["test"][key] = splits["train"][key]
    info_path.write_text(json.dumps(info))
    (train,) = info_path.parent.glob("*-train.tfrecord*")
    (test,) = info_path.parent.glob("*-test.tfrecord*")
    shutil.copy(train, test)
    return folder


def test_an_eye_in_train_and_test_is_refused(
    leaky_dataset, trained_run, tmp_path
):
    with pytest.raises(InputError, match="leaks between the splits.*patient"):
        evaluate_run(trained_run, str(leaky_dataset), output=tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_comparison_refuses_a_leak_before_it_trains(
    run_program, leaky_dataset, small_run, tmp_path
):
    done = run_program(
        "-m", "ffa_keras.evaluation.compare", f"--dataset_dir={leaky_dataset}",
        f"--output={tmp_path / 'out'}", *small_run, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "leaks between the splits" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_one_command_trains_judges_and_tells(
    run_program, phantom_dataset, small_run, tmp_path
):
    command = (
        "-m", "ffa_keras.evaluation.compare",
        f"--dataset_dir={phantom_dataset}", f"--output={tmp_path / 'out'}",
        "--methods=proposed,resnet_regression", *small_run,
        "--constant_epochs=1", "--decay_epochs=0", "--num_pictures=0",
    )  # fmt: skip
    printed = run_program(*command).stdout
    folder = tmp_path / "out"
    report = json.loads((folder / "comparison.json").read_text())
    for method in ("proposed", "resnet_regression"):
        assert method in report["answers"]
        assert f"| {method} |" in printed
        card = (folder / f"model_card_{method}.md").read_text()
        assert "not for clinical use" in card
        summary = report["answers"][method]["groups"]["all"]["psnr_valid"]
        assert f"{summary['mean']:.2f}" in card
    assert "no Inception" in printed or "--inception_weights" in printed
    assert cv2.imread(str(folder / "figure.png")).shape[1] > 4 * 160
    for name in ("comparison.md", "comparison.tex", "index.html"):
        assert "resnet" in (folder / name).read_text()
    again = run_program(*command).stdout
    assert again.split("# Comparison")[1] == printed.split("# Comparison")[1]
