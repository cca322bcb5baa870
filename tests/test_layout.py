"""The shape of the project: which package may import which."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each package imports only from those named before it.
ORDER = (
    "ops",
    "models",
    "registration",
    "translation",
    "losses",
    "methods",
    "images",
    "phantom",
    "records",
    "preparation",
    "training",
    "evaluation",
    "inference",
)
SELF_SUFFICIENT = ("ops", "models")
COMMON = {"errors", "files", "sums", "cli", "quiet", "settings", "__version__"}
ENTRY_POINTS = {"datasets", "export", "benchmarks", "train_main"}


def _imports(path):
    """Names imported, be it for types only, as dotted paths."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{a.name}" for a in node.names)


@pytest.mark.parametrize("package", ORDER)
def test_imports_follow_the_flow_of_the_data(package):
    allowed = {package, *COMMON}
    if package not in SELF_SUFFICIENT:
        allowed |= set(ORDER[: ORDER.index(package)])
    for path in (ROOT / "ffa_keras" / package).rglob("*.py"):
        if _is_program(path) or _is_former_name(path):
            continue
        for name in _imports(path):
            top, *rest = name.split(".")
            assert top not in ENTRY_POINTS, f"{path}: imports {name}"
            if top == "ffa_keras":
                assert rest and rest[0] in allowed, f"{path}: imports {name}"
                assert "__main__" not in rest, f"{path}: imports {name}"


def _is_program(path):
    """Programs stand above all packages, wherever they lie."""
    return path.name == "__main__.py"


def _is_former_name(path):
    """A module that moved leaves its names behind, and nothing else."""
    _, *rest = ast.parse(path.read_text()).body or [None]
    return bool(rest) and all(
        isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        for node in rest
    )


def test_flags_are_defined_in_entry_points_only():
    for path in (ROOT / "ffa_keras").rglob("*.py"):
        if path.name not in (
            "__main__.py",
            "cli.py",
            "presets.py",
            "settings.py",
        ):
            assert "absl.flags" not in list(_imports(path)), path


def test_no_photograph_of_a_patient_is_in_the_repository():
    """Pictures in docs and for tests come from phantoms."""
    suffixes = {".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".png"}
    skipped = {".git", "demo", "runs", "data", "build"}
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in skipped or parts[0].startswith(".venv"):
            continue
        if path.suffix.lower() in suffixes:
            assert parts[0] == "docs" or {"dummy_data", "goldens"} & {*parts}, (
                path
            )


def test_tables_of_the_docs_are_of_benchmarks_that_exist():
    found = 0
    for page in (ROOT / "docs").glob("*.md"):
        for name in re.findall(r"<!-- table (\w+)", page.read_text()):
            benchmark = ROOT / "benchmarks" / name
            assert benchmark.is_dir() or benchmark.with_suffix(".py").exists()
            found += 1
    assert found


def test_no_bit_hangs_on_where_in_memory_it_lies():
    """The last bit of OpenCV's magnitudes does; files must come out alike."""
    for path in (ROOT / "ffa_keras").rglob("*.py"):
        assert "cv2.magnitude(" not in path.read_text(), path
