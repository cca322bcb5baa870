"""The comparison: one table in four forms, figure, page, refusals."""

import csv
import dataclasses
import io
import json
import re
import shutil

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import REAL
from ffa_keras.evaluation.compare import comparison as comparing
from ffa_keras.evaluation.compare.grid import (
    LeakingCases,
    comparison_grid,
    leakage_box,
)
from ffa_keras.evaluation.compare.page import CasePictures, comparison_page
from ffa_keras.evaluation.compare.paired import Comparison, against_reference
from ffa_keras.evaluation.compare.tables import to_csv, to_latex, to_markdown
from ffa_keras.evaluation.evaluate import evaluate_run
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.measures import MEASURES, Eye, metrics_of
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.results import ImageScores, summarise
from ffa_keras.evaluation.statistics import Difference
from ffa_keras.training.config import make_configs
from ffa_keras.training.runs import claim

METHODS = ["proposed", "no_saliency"]
METRICS = metrics_of(MEASURES)


def _case(pair="0a1b2c3d", category="large_focal", centre=(90, 30)):
    rng = np.random.default_rng(int(pair, 16))
    rows, columns = np.ogrid[:120, :160]
    leak = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < 12**2

    def ffa():
        return rng.integers(0, 256, (120, 160, 1), np.uint8)

    eye = Eye(
        rng.integers(0, 256, (120, 160, 3), np.uint8),
        ffa(),
        np.ones((120, 160, 1), bool),
        leak[..., None],
    )
    answers = {name: ffa() for name in METHODS}
    return HeldOut(pair, "p", category, eye, predictions=answers)


@pytest.fixture(scope="module")
def comparison():
    rng = np.random.default_rng(0)

    def image(name, number):
        scores = {m.name: float(rng.normal(0.5, 0.1)) for m in METRICS}
        if name == "no_saliency":
            scores["leak_dice"] = float("nan")
        return ImageScores(f"{number:08x}", f"p{number}", "normal", scores)

    images = {name: [image(name, n) for n in range(6)] for name in METHODS}
    report = summarise(images, METRICS, {"split": "test"}, True)
    difference = Difference(-0.1, -0.2, 0.0, 6, 6, 6, 0.25)
    paired = {m.name: difference for m in METRICS}
    return Comparison(report, METHODS, {"no_saliency": paired})


def test_csv_holds_every_figure(comparison):
    rows = list(csv.DictReader(io.StringIO(to_csv(comparison))))
    assert len(rows) == 2 * 2 * len(METRICS)
    written = comparison.to_json()
    for row in rows:
        group = written["answers"][row["method"]]["groups"][row["group"]]
        expected = group[row["metric"]]["mean"]
        assert row["mean"] == ("" if expected is None else str(expected))
    paired = [row for row in rows if row["p"]]
    assert {row["method"] for row in paired} == {"no_saliency"}
    assert {float(row["difference"]) for row in paired} == {-0.1}
    assert {row["group"] for row in paired} == {"all"}


def test_json_holds_the_methods_and_the_paired_tests(comparison):
    written = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert written["facts"]["methods"] == METHODS
    found = written["paired"]["no_saliency"]["psnr"]
    expected = dict(mean=-0.1, low=-0.2, high=0.0, n=6, of=6, images=6, p=0.25)
    assert found == expected


def test_rivals_are_compared_with_the_proposed_system(comparison):
    found = against_reference(comparison.report, METHODS).paired
    assert list(found) == ["no_saliency"]
    means = {
        name: system.groups["all"]["psnr"].mean
        for name, system in comparison.report.systems.items()
    }
    expected = means["no_saliency"] - means["proposed"]
    assert found["no_saliency"]["psnr"].mean == pytest.approx(expected)
    assert found["no_saliency"]["leak_dice"].n == 0
    alone = against_reference(comparison.report, ["no_saliency"])
    assert alone.paired == {}


def test_latex_marks_the_best_and_escapes_names(comparison):
    text = to_latex(comparison.report)
    means = {
        name: system.groups["all"]["l1_valid"].mean
        for name, system in comparison.report.systems.items()
    }
    assert rf"\textbf{{{min(means.values()):.2f}}}" in text
    assert r"no\_saliency & " in text
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    assert [line.count(" & ") for line in body.splitlines()] == [7, 7]


def test_latex_marks_no_ceiling(comparison):
    systems = dict(comparison.report.systems)
    systems[REAL] = dataclasses.replace(
        systems["proposed"],
        groups={
            group: {
                name: dataclasses.replace(estimate, mean=0.0)
                for name, estimate in estimates.items()
            }
            for group, estimates in systems["proposed"].groups.items()
        },
    )
    text = to_latex(dataclasses.replace(comparison.report, systems=systems))
    rows = {line.split(" & ")[0]: line for line in text.splitlines()}
    assert "textbf" not in rows[REAL]
    means = [systems[name].groups["all"]["l1_valid"].mean for name in METHODS]
    assert rf"\textbf{{{min(means):.2f}}}" in text


def test_no_p_is_zero(comparison):
    paired = {
        rival: {
            name: dataclasses.replace(difference, p=0.0004)
            for name, difference in found.items()
        }
        for rival, found in comparison.paired.items()
    }
    text = to_markdown(dataclasses.replace(comparison, paired=paired))
    assert ", p < 0.001" in text
    assert "p = 0.000" not in text


def test_markdown_tells_differences_with_interval_and_p(comparison):
    text = to_markdown(comparison)
    assert "-0.100 (-0.200 to +0.000), p = 0.250" in text
    assert "not for clinical use" in text
    assert "Each system was trained once" in text
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


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"))))
def test_the_figure_is_of_those_that_leak_most_whatever_their_order(leaks):
    mask = np.ones((16, 16, 1), bool)
    images = (np.zeros((16, 16, c), np.uint8) for c in (3, 1))
    eye = Eye(*images, mask)
    kept = LeakingCases()
    for number, (area, category) in enumerate(leaks):
        leakage = np.arange(256).reshape(16, 16, 1) < area
        leaking = dataclasses.replace(eye, leakage=leakage)
        kept.add(HeldOut(str(number), "p", category, leaking))
    # Category by category, those that leak most first; ties as they came.
    ranked = sorted(range(len(leaks)), key=lambda n: -leaks[n][0])
    columns = {}
    for number in ranked:
        columns.setdefault(leaks[number][1], []).append(number)
    expected = [
        column[turn]
        for turn in range(len(leaks))
        for column in columns.values()
        if turn < len(column)
    ]
    assert [int(case.pair) for case in kept.cases] == expected[:4]


def test_the_page_finds_every_picture_beside_it(comparison, tmp_path):
    pictures = CasePictures(tmp_path / "pictures", METHODS)
    for case in (_case(), _case("00000001", "normal")):
        pictures.add(case)
    page = comparison_page(comparison, pictures.cases)
    assert not re.search(r"https?://|src=|href=", page)
    shown = json.loads(re.search(r"const cases = (\[.*?\]), methods", page)[1])
    assert [case["pair"] for case in shown] == ["0a1b2c3d", "00000001"]
    # What the script of the page asks for.
    names = re.findall(r'file\("(\w+)"\)', page)
    endings = re.findall(r'file\(method( \+ "(\w+)")?\)', page)
    names += [name + ending for name in METHODS for _, ending in endings]
    for case in shown:
        written = {
            p.stem for p in (tmp_path / "pictures" / case["pair"]).iterdir()
        }
        assert written == set(names)
    assert "not for clinical use" in page


def test_the_page_stays_small_whatever_the_number_of_cases(comparison):
    cases = [
        {"pair": f"{n:08x}", "title": f"{n:08x}, normal"} for n in range(250)
    ]
    systems = comparison.report.systems["proposed"]
    names = [f"system_{n}" for n in range(9)]
    report = dataclasses.replace(
        comparison.report, systems=dict.fromkeys(names, systems)
    )
    page = comparison_page(Comparison(report, names, {}), cases)
    assert len(page) < 100_000


def test_a_name_cannot_become_markup_or_script(comparison):
    evil = "</script><img src=x onerror=alert(1)>"
    systems = {evil: comparison.report.systems["proposed"]}
    report = dataclasses.replace(comparison.report, systems=systems)
    cases = [{"pair": "00000001", "title": f"00000001, {evil}"}]
    page = comparison_page(Comparison(report, [evil], {}), cases)
    assert page.count("</script>") == 1
    assert "<img src=x" not in page


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


def test_runs_kept_by_different_rules_are_not_compared(
    phantom_dataset, tmp_path, monkeypatch
):
    def train(config, resume):
        raise AssertionError("trained")

    monkeypatch.setattr(comparing, "train", train)
    configs = make_configs(METHODS, dataset_dir=str(phantom_dataset))
    begun = dataclasses.replace(
        configs["proposed"],
        run_dir=str(tmp_path / "runs" / "proposed"),
        select_by="psnr",
    )
    claim(begun)
    places = tmp_path / "out", tmp_path / "runs"
    with pytest.raises(
        InputError, match="proposed by psnr, no_saliency by psnr_fitted"
    ):
        comparing.compare(configs, *places, "test", 1, Protocol())
    assert not (tmp_path / "out").exists()
    # All by the rule that one began with is fair.
    configs = make_configs(
        METHODS, dataset_dir=str(phantom_dataset), select_by="psnr"
    )
    with pytest.raises(AssertionError, match="trained"):
        comparing.compare(configs, *places, "test", 1, Protocol())


def test_the_flagfile_of_all_systems_serves_some_of_them(
    run_program, leaky_dataset, tmp_path
):
    done = run_program(
        "-m", "ffa_keras.evaluation.compare", "--methods=cyclegan,pix2pix",
        "--flagfile=flagfiles/compare.cfg", f"--dataset_dir={leaky_dataset}",
        f"--output={tmp_path / 'out'}", "--regression_loss=l2", check=False,
    )  # fmt: skip
    # Far enough to look at the data.
    assert "leaks between the splits" in done.stderr
    assert done.stdout.splitlines() == [
        "note: left out --regression_loss, --perceptual_weight,"
        " --saliency_windows, which none of cyclegan, pix2pix has"
    ]


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
        "--methods=proposed,resnet_regression", "--seeds=2", *small_run,
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
        assert "leaks between the splits: none found" in card
        summary = report["answers"][method]["groups"]["all"]["psnr_valid"]
        assert f"{summary['mean']:.2f}" in card
    assert list(report["answers"])[:3] == [
        "proposed", "resnet_regression", "mean training FFA"
    ]  # fmt: skip
    assert report["facts"]["seeds"] == 2
    assert "was trained 2 times" in printed
    assert "no Inception" in printed or "--inception_weights" in printed
    assert cv2.imread(str(folder / "figure.png")).shape[1] > 4 * 160
    shown = list((folder / "pictures").iterdir())
    assert len(shown) == len(report["answers"]["proposed"]["images"])
    for name in ("comparison.md", "comparison.tex", "index.html"):
        assert "resnet" in (folder / name).read_text()
    again = run_program(*command).stdout
    assert again.split("# Comparison")[1] == printed.split("# Comparison")[1]
