"""What the docs say of the programs, and of each other, is so."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("ffa_keras", "datasets", "export", "tests", "benchmarks", "docs")
PAGES = sorted(
    page
    for top in ("*.md", *(f"{folder}/**/*.md" for folder in FOLDERS))
    for page in ROOT.glob(top)
)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_PATH = re.compile(
    rf"(?<![\w/])(?:{'|'.join(FOLDERS)}|flagfiles)/(?!\S*NAME)[\w/.-]*\w"
)
_FLAG = re.compile(r"(?<![\w-])--(?:no)?([a-z]\w*)(?![\w-])")
_LISTED = re.compile(r"^\| `--(\w+)`", re.MULTILINE)
_DEFINED = re.compile(r"DEFINE_\w+\(\s*\"(\w+)\"")
# Of every program, and of Beam, Docker, TensorBoard, Serving and `tfds`.
_OTHER_FLAGS = set(
    "flagfile flags help preset direct_num_workers runner rm logdir"
    " enable_model_warmup model_config_file manual_dir".split()
)
_MODULE = re.compile(r"python -m ((?:ffa_keras|datasets|export|benchmarks)\S*)")


def _anchors(page):
    """Of its headings, as code hosts make them."""
    text = _FENCED.sub("", page.read_text())
    titles = [re.sub(_LINK, "]", t).lower() for t in _HEADING.findall(text)]
    return {re.sub(r"[^\w -]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in _LINK.findall(_FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_programs_that_are_named_exist(page):
    if page.name == "CHANGELOG.md":
        return  # It names what has gone.
    text = page.read_text()
    for name in _PATH.findall(re.sub(r"https?://\S+", "", text)):
        assert any(ROOT.glob(name)) or any(ROOT.glob(f"{name}.*")), name
    for module in _MODULE.findall(text):
        place = ROOT / re.sub(r"[^\w.].*", "", module).replace(".", "/")
        assert place.is_dir() or place.with_suffix(".py").is_file(), module


@pytest.fixture(scope="module")
def flags():
    """Those of the programs, and of the benchmarks."""
    benchmarks = ROOT.glob("benchmarks/**/*.py")
    known = {
        name for f in benchmarks for name in _DEFINED.findall(f.read_text())
    }
    return known | {*_LISTED.findall((ROOT / "docs/flags.md").read_text())}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_flags_that_are_named_exist(page, flags):
    if page.name != "CHANGELOG.md":
        named = {*_FLAG.findall(page.read_text())}
        # Without the `no` of flags that are turned off, or with it.
        unknown = {n for n in named if {n, f"no{n}"}.isdisjoint(flags)}
        assert not unknown - _OTHER_FLAGS


def test_the_saliency_is_as_large_a_share_as_in_the_log_above():
    page = (ROOT / "README.md").read_text()
    (parts,) = re.findall(r"saliency (\d+\.\d+)  generator (\d+\.\d+)", page)
    (told,) = re.findall(r"(\d+) of (\d+) in the log above", page)
    assert [round(float(part)) for part in parts] == [*map(int, told)]


def test_corners_that_are_refused_are_those_of_the_table():
    page = (ROOT / "docs/registration.md").read_text()
    kept = re.findall(r"^\| (?:photograph|FFA) \S+ kept \| (\d+) ", page, re.M)
    ((refused, tried),) = re.findall(r"blocks: (\d+) of (\d+) at three", page)
    assert int(tried) == 10 * len(kept)
    assert int(refused) == int(tried) - sum(map(int, kept))


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page


@pytest.mark.slow
def test_the_page_of_flags_is_that_of_the_programs():
    written = (ROOT / "docs/flags.md").read_text()
    made = runpy.run_path(str(ROOT / "docs/make_flags.py"))["flags_page"]()
    assert written == made, "run: python docs/make_flags.py"
