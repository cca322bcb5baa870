"""What the docs say of the programs is what the programs say."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_page_of_flags_is_that_of_the_programs():
    written = (ROOT / "docs/flags.md").read_text()
    made = runpy.run_path(str(ROOT / "docs/make_flags.py"))["flags_page"]()
    assert written == made, "run: python docs/make_flags.py"
