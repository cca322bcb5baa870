"""The shape of the project: which module may import which."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Each package imports only from those named before it, and from the modules
# that lie beside the packages; those import from one another only.
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
ENTRY_POINTS = {"datasets", "export", "benchmarks", "train_main"}
PACKAGES = ("ffa_keras/**/*.py", "datasets/**/*.py", "export/**/*.py")
# What is imported where it is used: extras that need not be installed, and what
# would have bad input wait for TensorFlow.
LATE = {
    "datasets/ffa_pairs/beam.py": {"apache_beam"},
    "datasets/ffa_pairs/write.py": {"ffa_keras.records"},
    "export/client.py": {"export.serving"},
    "export/operators.py": {"ai_edge_litert"},
    "export/serving/warm_up.py": {"tensorflow_serving"},
    "export/to_tflite.py": {"ai_edge_litert"},
    "ffa_keras/images/dicom/__init__.py": {"pydicom"},
    "ffa_keras/images/files.py": {"ffa_keras.images"},
    "ffa_keras/inference/dicom.py": {"ffa_keras.images"},
    "ffa_keras/preparation/dicom_pairs.py": {"ffa_keras.images"},
    "ffa_keras/records/schema.py": {"tensorflow_datasets"},
}


def _modules(root):
    """The modules of a tree, but for names left behind, by dotted path."""
    found = {}
    for path in sorted(p for top in PACKAGES for p in root.glob(top)):
        parts = path.relative_to(root).with_suffix("").parts
        if not _is_former_name(path):
            name = ".".join(parts).removesuffix(".__init__")
            found[name] = path
    return found


def _imported(node, module, path):
    """The dotted paths that a statement imports; none if it is another one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        inside = module.split(".")
        # A package's own module is itself inside the package.
        drop = node.level - (path.name == "__init__.py")
        base = ".".join([*inside[: len(inside) - drop], *filter(None, [base])])
    return [f"{base}.{alias.name}" for alias in node.names]


def _imports(module, path):
    """Names imported anywhere, be it late or for types, as dotted paths."""
    for node in ast.walk(ast.parse(path.read_text())):
        yield from _imported(node, module, path)


def _graph(root):
    """Of each module those of the same folder that it imports."""
    modules = _modules(root)
    graph = {}
    for module, path in modules.items():
        graph[module] = found = set()
        for name in _imports(module, path):
            while name and name not in modules:
                name = name.rpartition(".")[0]
            if name and name != module:
                found.add(name)
    return graph


def _floor(module):
    """How high a module of the package lies; what lies beside packages is 0."""
    _, *rest = module.split(".")
    if rest[-1:] == ["__main__"]:
        return len(ORDER) + 1
    return ORDER.index(rest[0]) + 1 if rest and rest[0] in ORDER else 0


def _faults(root):
    """What in a folder of packages imports what it may not, in words."""
    graph = _graph(root)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        yield f"a circle: {' -> '.join(error.args[1])}"
    for module, imported in graph.items():
        for other in imported:
            if other.endswith("__main__"):
                yield f"{module} imports the program {other}"
                continue
            if module.split(".")[0] != "ffa_keras":
                continue
            top, *rest = other.split(".")
            if top in ENTRY_POINTS:
                yield f"{module} imports the entry point {other}"
            elif _floor(other) > _floor(module):
                yield f"{module} imports {other}, which lies above it"
            elif (
                _apart(module)
                and rest
                and _floor(other)
                not in (
                    0,
                    _floor(module),
                )
            ):
                yield f"{module} imports {other}, and should need nothing"


def _apart(module):
    """Whether a module is of a package that needs no other."""
    _, *rest = module.split(".")
    return rest[:1] and rest[0] in SELF_SUFFICIENT and "__main__" not in rest


def test_imports_follow_the_flow_of_the_data_without_a_circle():
    assert not [*_faults(ROOT)]
    assert len(_graph(ROOT)) > 200


@pytest.mark.parametrize(
    "files, fault",
    [
        ({"ops/a.py": "from ffa_keras.ops import b", "ops/b.py": ""}, ""),
        (
            {"ops/a.py": "from ffa_keras.ops import b",
             "ops/b.py": "from . import a"},
            "a circle: ",
        ),
        ({"ops/a.py": "def f():\n    import ffa_keras.losses.b"}, "above it"),
        ({"ops/a.py": "if TYPES:\n    from ..losses import b"}, "above it"),
        ({"files.py": "from .losses.b import c"}, "above it"),
        ({"models/a.py": "from ..ops import c"}, "should need nothing"),
        ({"ops/a.py": "from ffa_keras.ops import __main__"}, "the program"),
        ({"inference/a.py": "import export.b"}, "the entry point"),
        ({"ops/__main__.py": "from export import b"}, "the entry point"),
        ({"ops/__main__.py": "from ffa_keras.losses import b"}, ""),
    ],
)  # fmt: skip
def test_what_goes_against_the_flow_is_found(tmp_path, files, fault):
    names = ("ops/__init__", "ops/c", "ops/__main__", "losses/b", "__init__")
    for name in names:
        files = {f"{name}.py": "x = 1", **files}
    files = {f"ffa_keras/{name}": text for name, text in files.items()}
    for name, text in {**files, "export/b.py": "x = 1"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = [*_faults(tmp_path)]
    assert len(found) == bool(fault) and all(fault in text for text in found)


def test_what_is_imported_late_is_listed():
    found = {}
    for module, path in _modules(ROOT).items():
        if path.stem.endswith("_test"):
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                for name in _imported(node, module, path):
                    own = name.split(".")[0] in ("ffa_keras", "export")
                    late = ".".join(name.split(".")[: 1 + own])
                    place = str(path.relative_to(ROOT))
                    found.setdefault(place, set()).add(late)
    assert found == LATE


def _is_former_name(path):
    """A module that moved leaves its names behind, and nothing else."""
    tree = ast.parse(path.read_text())
    told, (_, *rest) = ast.get_docstring(tree) or "", tree.body or [None]
    return told.endswith("under its name of before.") and all(
        isinstance(node, ast.ImportFrom)
        or (isinstance(node, ast.Assign) and node.targets[0].id == "__all__")
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
            assert "absl.flags" not in [*_imports("", path)], path


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
