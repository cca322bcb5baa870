"""The evaluation report: its numbers, its words, its refusals."""

import dataclasses
import json
import re
import shutil
import types
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from ffa_keras.errors import InputError
from ffa_keras.evaluation.baselines import MeanTrainingFfa, inverted_green
from ffa_keras.evaluation.card import model_card
from ffa_keras.evaluation.evaluate import evaluate_run
from ffa_keras.evaluation.figures import in_turn
from ffa_keras.evaluation.measures import MEASURES, Eye, metrics_of
from ffa_keras.evaluation.page import Illustrations, write_report
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.rendering import heading, intervals_note, tables
from ffa_keras.evaluation.results import (
    ImageScores,
    merge_trainings,
    owners_of,
    scores_of,
    summarise,
)
from ffa_keras.evaluation.statistics import (
    mean_with_interval,
    paired_difference,
)
from ffa_keras.records.dataset import load_pairs
from ffa_keras.training.config import TrainConfig
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import translate

METRICS = metrics_of(MEASURES)


def _report(category="normal", system="generator", audited=True):
    scores = {metric.name: 0.5 for metric in METRICS}
    image = ImageScores("0a1b2c3d", "p", category, scores)
    return summarise({system: [image]}, METRICS, {"split": "test"}, audited)


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
    for kind, name in (("patient", "patients"), ("eye", "eyes")):
        assert report["facts"][name] == len({pair[kind] for pair in pairs})


def test_the_generator_stands_beside_the_trivial_answers(evaluated):
    folder, printed = evaluated
    report = json.loads((folder / "report.json").read_text())
    names = [
        "generator",
        "mean training FFA",
        "best constant",
        "inverted green channel",
        "flattened green channel",
        "equalised green channel",
        "real FFA of another eye",
        "real FFA",
    ]
    assert list(report["answers"]) == names
    # What beats nothing says so, wherever its figures stand.
    told = report["facts"]["vessels"]
    assert "the best classical picture" in told and told in printed
    for name in ("report.md", "report.html", "model_card.md"):
        assert told in (folder / name).read_text()
    assert all(name in printed for name in names)


def test_all_forms_say_the_same(tmp_path):
    report = _report()
    write_report(report, tmp_path)
    written = json.loads((tmp_path / "report.json").read_text())
    assert written == report.to_json()
    markdown = (tmp_path / "report.md").read_text()
    page = (tmp_path / "report.html").read_text()
    assert list(tables(report))[0] == "Summary"
    for rows in tables(report).values():
        for row in rows[1:]:
            assert "| " + " | ".join(row) + " |" in markdown
            assert "".join(f"<td>{cell}</td>" for cell in row) in page
    svg = ElementTree.fromstring(re.search("<svg.*?</svg>", page).group())
    assert "generator" in [text.text for text in svg.iter("text")]
    for text in (markdown, page):
        assert "not for clinical use" in text


def test_the_page_is_one_file_and_every_image_has_its_figure(evaluated):
    folder, _ = evaluated
    report = json.loads((folder / "report.json").read_text())
    pairs = [i["pair"] for i in report["answers"]["generator"]["images"]]
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == min(len(pairs), 24)
    assert page.index("Worst: ") < page.index("<svg") < page.index("<table")
    counts = [report["facts"][name] for name in ("images", "eyes", "patients")]
    told = "{} images of {} eyes of {} patients".format(*counts)
    assert f"Judged: generator, on {told}." in page
    assert report["facts"]["truth of leaks"].startswith("known, by masks")
    assert all(s.startswith("data:image/jpeg;base64,") for s in sources)
    for name in [*pairs, "overview"]:
        figure = cv2.imread(str(folder / "figures" / f"{name}.png"))
        height, width, channels = figure.shape
        assert width >= 6 * 128 and height >= 128 and channels == 3


def test_nothing_in_the_page_is_taken_for_markup(tmp_path):
    evil = '<img src=x onerror="alert(1)">'
    write_report(
        _report(evil, evil), tmp_path, Illustrations(others={evil: "data:,"})
    )
    page = (tmp_path / "report.html").read_text()
    assert "<img src=x" not in page.lower() and 'onerror="' not in page
    assert page.count("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;") > 3


@pytest.mark.parametrize(
    "audited, said", [(True, "none found"), (False, "not looked for")]
)
def test_it_is_told_whether_leaks_were_looked_for(audited, said):
    report = _report(audited=audited)
    assert report.to_json()["facts"]["leaks between splits"] == said
    card = model_card(report, _Described(), TrainConfig())
    assert f"leaks between the splits: {said}\n" in card
    assert "Model card: proposed" in card and "trained on patches" in card


def test_the_card_of_a_model_of_unknown_training_does_not_make_it_up():
    card = model_card(_report(system="theirs"), _Described())
    assert "Model card: theirs" in card and "trained on patches" not in card


def test_the_card_begins_with_what_model_hubs_read():
    report = _report(system="theirs")
    card = model_card(report, _Described())
    first, head, _ = card.split("---\n", 2)
    # YAML in which every value is JSON.
    fields = {
        key: json.loads(value)
        for key, value in (line.split(": ", 1) for line in head.splitlines())
    }
    assert first == ""
    assert fields["library_name"] == "keras"
    assert fields["pipeline_tag"] == "image-to-image"
    assert fields["license"] and fields["tags"]
    ((model,),) = [fields["model-index"]]
    ((result,),) = [model["results"]]
    values = {m["type"]: m["value"] for m in result["metrics"]}
    for metric in report.metrics:
        mean = report.systems["theirs"].groups["all"][metric.name].mean
        if np.isfinite(mean):
            assert values.pop(metric.name) == round(mean, metric.digits)
    assert not values


class _Described:
    """A prepared dataset as a model card sees it."""

    split_by = "eye"
    info = types.SimpleNamespace(
        name="pairs", config_name="folder", version="1.0.0", splits={}
    )


def test_cases_are_chosen_from_each_category_in_turn():
    cases = list(zip("abcdef", "xxxyzz", strict=True))
    assert "".join(c for c, _ in in_turn(cases, 10)) == "adebfc"
    assert in_turn(cases, 2) == [("a", "x"), ("d", "y")]


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
        ({"output": "{run}"}, "file that was not written by this program"),
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


def test_patches_are_judged_as_the_papers_tables_do(trained_run, tmp_path):
    how = Protocol(protocol="patches")
    report = evaluate_run(trained_run, output=str(tmp_path / "out"), how=how)
    written = report.to_json()
    assert "patches" in written["facts"]["protocol"]
    assert "mean training FFA" not in written["answers"]
    images = written["answers"]["generator"]["images"]
    # 48x64 of 128x128, on a grid of 48: more patches than eyes.
    assert len(images) > 2 * len({i["pair"][:8] for i in images})
    assert images[0].keys() >= {"psnr", "ssim", "psnr_fitted"}
    assert "vessel_auc" not in images[0]


def test_the_output_folder_is_checked_before_anything_else(
    trained_run, tmp_path
):
    run = tmp_path / "run"
    run.mkdir()
    (run / "flags.cfg").write_bytes((trained_run / "flags.cfg").read_bytes())
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "report.json").write_text("{}")
    (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
    # There is no generator to load, and nobody has found out yet.
    with pytest.raises(InputError, match="not written by this program"):
        evaluate_run(run, output=str(tmp_path / "thesis"))
    assert (tmp_path / "thesis" / "thesis.tex").read_text() == "years of work"


def test_a_report_is_replaced_but_no_file_of_the_users(
    evaluated, trained_run, tmp_path
):
    folder = tmp_path / "report"
    shutil.copytree(evaluated[0], folder)
    evaluate_run(trained_run, output=str(folder))
    again = (folder / "report.json").read_bytes()
    assert again == (evaluated[0] / "report.json").read_bytes()
    notes = folder / "figures" / "notes.txt"
    notes.write_text("seen by Dr Who")
    with pytest.raises(InputError, match="notes.txt"):
        evaluate_run(trained_run, output=str(folder))
    assert notes.read_text() == "seen by Dr Who"


def test_perfect_images_are_valid_json_and_counted_out():
    flat = np.full((16, 16, 1), 9, np.uint8)
    eye = Eye(np.zeros((16, 16, 3), np.uint8), flat, flat > 0)
    scores = {k: v for m in MEASURES for k, v in m.of(eye)(flat).items()}
    image = ImageScores("0" * 8, "p", "normal", scores)
    report = summarise({"generator": [image]}, METRICS, {}, False)
    written = json.loads(json.dumps(report.to_json(), allow_nan=False))
    summary = written["answers"]["generator"]["groups"]["all"]
    assert summary["psnr"]["mean"] is None
    assert summary["psnr"]["n"] == 0
    assert summary["ssim"]["mean"] == pytest.approx(1)
    assert tables(report)["Summary"][1][1] == "none"


def _apart(count):
    """Name as many eyes, each with one image."""
    return [f"e{number}" for number in range(count)]


def test_the_interval_resamples_patients_not_images():
    rng = np.random.default_rng(0)
    by_patient = rng.normal(20, 3, 40)
    patients = [f"p{i}" for i in range(40)]
    once = mean_with_interval(by_patient, patients, _apart(40))
    thrice = mean_with_interval(
        np.repeat(by_patient, 3), np.repeat(patients, 3), _apart(120)
    )
    assert thrice.mean == pytest.approx(once.mean)
    width = once.high - once.low
    # Normal theory: twice 1.96 standard errors.
    assert width == pytest.approx(3.92 * by_patient.std() / 40**0.5, rel=0.15)
    assert thrice.high - thrice.low == pytest.approx(width, rel=0.1)


def test_eyes_weigh_alike_however_many_images_they_have():
    values = [10, np.nan, 30, 40, 60, np.inf]
    found = mean_with_interval(values, [*"pppppq"], [*"aaabcd"])
    assert found.mean == pytest.approx((20 + 40 + 60) / 3)
    assert (found.n, found.of, found.images) == (3, 4, 6)
    # Each training weighs them by what it has itself.
    trainings = [[1, 3, 8], [5, np.nan, 6]]
    found = mean_with_interval(trainings, [*"ppp"], [*"aab"])
    assert found.mean == pytest.approx((2 + 8 + 5 + 6) / 4)


def test_more_images_of_an_eye_change_no_interval_and_no_p():
    values = np.random.default_rng(0).normal(0.5, 1, 12)
    patients = [f"p{n // 2}" for n in range(12)]
    once = paired_difference(values, np.zeros(12), patients, _apart(12))
    # The first eye with three images, whose mean is what it had.
    more = np.r_[values[0] - 4, values[0] + 4, values]
    again = paired_difference(
        more, np.zeros(14), ["p0", "p0", *patients], ["e0", "e0", *_apart(12)]
    )
    for name in ("mean", "low", "high", "p"):
        assert getattr(again, name) == pytest.approx(getattr(once, name))
    assert (again.n, again.of, again.images) == (12, 12, 14)


def test_with_one_image_an_eye_the_figures_are_what_they_were():
    rng = np.random.default_rng(7)
    values = rng.normal(20, 3, (2, 24))
    values[0, 3], values[:, 5] = np.nan, np.inf
    patients = [f"p{n // 2}" for n in range(24)]
    found = mean_with_interval(values, patients, _apart(24))
    # Before eyes were weighed.
    before = 19.051817918213807, 18.103247776001638, 19.937577822338106
    assert (found.mean, found.low, found.high) == before
    found = paired_difference(
        values, np.full((2, 24), 20.0), patients, _apart(24)
    )
    before = -0.9481820817861937, -1.8967522239983599, -0.0624221776618944
    assert (found.mean, found.low, found.high) == before
    assert found.p == 0.033203125


@pytest.mark.parametrize("count, has", [(1, False), (5, False), (6, True)])
def test_fewer_than_six_patients_have_no_interval(count, has):
    values = np.arange(2.0 * count)
    patients = [f"p{n // 2}" for n in range(2 * count)]
    found = mean_with_interval(values, patients, _apart(2 * count))
    assert found.mean == values.mean() and found.n == 2 * count
    assert np.isfinite([found.low, found.high]).all() == has


def test_several_trainings_widen_the_interval():
    rng = np.random.default_rng(0)
    eyes, trainings = rng.normal(0, 1, 40), rng.normal(0, 1, (4, 1))
    patients = [f"p{n}" for n in range(40)]
    once = mean_with_interval(eyes, patients, _apart(40))
    alike = mean_with_interval(np.tile(eyes, (4, 1)), patients, _apart(40))
    assert alike.mean == pytest.approx(once.mean)
    assert alike.high - alike.low == pytest.approx(
        once.high - once.low, rel=0.1
    )
    apart = mean_with_interval(eyes + trainings, patients, _apart(40))
    assert apart.mean == pytest.approx(eyes.mean() + trainings.mean())
    # Variances add: of eyes, and of trainings resampled four at a time.
    expected = 3.92 * np.sqrt(eyes.var() / 40 + trainings.var() / 4)
    assert apart.high - apart.low == pytest.approx(expected, rel=0.2)


def test_a_report_says_how_many_eyes_and_images_there_are():
    def image(number, eye, psnr):
        scores = {metric.name: float(psnr) for metric in METRICS}
        return ImageScores(
            f"{number:08x}", f"p{eye}", "normal", scores, eye_id=eye
        )

    several = [image(0, "a", 10), image(1, "a", 20), image(2, "b", 30)]
    report = summarise({"generator": several}, METRICS, {}, False)
    rows = tables(report)["Summary"]
    assert rows[0][-2:] == ["eyes", "images"] and rows[1][-2:] == ["2", "3"]
    assert report.systems["generator"].groups["all"]["psnr"].mean == 22.5
    assert "Mean over eyes" in intervals_note(report)
    single = summarise({"generator": several[1:]}, METRICS, {}, False)
    assert tables(single)["Summary"][0][-1] == "eyes"
    # Patches, and pictures of which nobody said whose eye they are.
    unknown = [dataclasses.replace(i, eye_id="") for i in several]
    report = summarise({"generator": unknown}, METRICS, {}, False)
    assert tables(report)["Summary"][0][-1] == "images"
    assert report.systems["generator"].groups["all"]["psnr"].mean == 20
    assert "Mean over images" in intervals_note(report)


def test_trainings_of_a_system_become_one():
    def image(psnr):
        return ImageScores("0a", "p", "normal", {"psnr": psnr, "lpips": np.nan})

    (merged,) = merge_trainings([[image(20.0)], [image(np.inf)], [image(24.0)]])
    assert merged.scores["psnr"] == 22 and np.isnan(merged.scores["lpips"])
    np.testing.assert_array_equal(
        scores_of([merged], "psnr"), [[20], [np.inf], [24]]
    )


def test_where_no_class_was_told_there_is_no_section_of_one():
    assert _report("unspecified").groups() == ["all"]
    assert _report("normal").groups() == ["all", "normal"]


def test_a_title_keeps_what_stands_in_capitals():
    assert heading("camera: HRA_2: Leakage") == "Camera: HRA 2: Leakage"


def test_the_inverted_green_channel():
    fundus = np.dstack([np.full((2, 2), v, np.uint8) for v in (10, 20, 30)])
    np.testing.assert_array_equal(
        inverted_green(fundus), np.full((2, 2, 1), 235)
    )


def test_the_mean_training_ffa_takes_the_size_of_the_question():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 32, 48, 1), np.uint8)
    mean = MeanTrainingFfa()
    for image in images:
        mean.add(image)
    same = mean(np.zeros((32, 48, 3), np.uint8))
    np.testing.assert_allclose(same, images.mean(0), atol=0.5)
    assert mean(np.zeros((64, 96, 3), np.uint8)).shape == (64, 96, 1)


def test_the_mean_training_ffa_is_enlarged_without_blocks():
    mean = MeanTrainingFfa()
    ramp = np.arange(0, 128, 8, dtype=np.uint8)
    mean.add(np.tile(ramp[None, :, None], (16, 1, 1)))
    larger = mean(np.zeros((64, 64, 3), np.uint8))[32, 4:-4, 0]
    assert set(np.diff(larger.astype(int))) == {2}


def test_an_unknown_owner_is_nobody_that_a_table_names():
    images = [
        ImageScores("0a", patient, "", {}, eye_id=eye)
        for patient, eye in (("1", ""), ("", ""), ("1", "1"), ("", ""))
    ]
    patients, eyes = owners_of(images)
    assert len(set(eyes)) == 4
    assert len(set(patients)) == 3
    assert patients[0] == patients[2]
