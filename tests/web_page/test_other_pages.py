"""The pages of an evaluation and of a comparison, in Chromium."""

import pytest

from ffa_keras.evaluation.evaluate import evaluate_run
from tests.web_page import browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        not browser.find(), reason="no Chromium: apt-get install chromium"
    ),
]


@pytest.fixture
def tab(tmp_path):
    tab = browser.Tab(browser.find(), tmp_path / "profile")
    yield tab
    tab.close()


def _check(tab, page):
    tab.open(page)
    shown, broken, width = tab.evaluate(
        """[document.images.length,
            [...document.images].filter((i) => !i.naturalWidth).length,
            document.documentElement.scrollWidth]"""
    )
    assert shown and not broken and width <= 1200
    assert not tab.errors
    assert all(one.startswith(("file:", "data:")) for one in tab.requests)
    # Nor does a telephone scroll sideways.
    tab.open(page, width=360)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_page_of_an_evaluation_is_whole(tab, trained_run, tmp_path):
    evaluate_run(trained_run, output=str(tmp_path / "out"))
    _check(tab, tmp_path / "out" / "report.html")


def test_the_page_of_a_comparison_is_whole(
    tab, run_program, phantom_dataset, small_run, tmp_path
):
    run_program(
        "-m", "ffa_keras.evaluation.compare",
        f"--dataset_dir={phantom_dataset}", f"--output={tmp_path / 'out'}",
        "--methods=proposed", *small_run,
        "--constant_epochs=1", "--decay_epochs=0", "--num_pictures=0",
    )  # fmt: skip
    _check(tab, tmp_path / "out" / "index.html")
