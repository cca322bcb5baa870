"""What an installation holds, and the one command that finds it."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ffa_keras.__main__ import PROGRAMS

ROOT = Path(__file__).parents[1]
# Each extra that a door needs, the packages it lets in, and the one place that
# imports them; its tests have its name for a mark.
DOORS = {
    "beam": ({"apache_beam"}, "datasets/ffa_pairs/beam.py"),
    "dicom": ({"pydicom", "gdcm"}, "ffa_keras/images/dicom/"),
    "openvino": ({"openvino"}, "tests/export/test_openvino.py"),
    "serving": ({"tensorflow_serving", "grpc"}, "export/serving/"),
}


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_of_the_clone_is_in_the_wheel(setup):
    listed = setup["options"]["packages"].split()
    inside = {"datasets", "export", "flagfiles"}
    folders = {
        path.parent.relative_to(ROOT)
        for top in ("ffa_keras", "datasets", "export")
        for path in (ROOT / top).rglob("__init__.py")
    } | {Path("flagfiles")}
    names = {
        ".".join(("ffa_keras",) * (folder.parts[0] in inside) + folder.parts)
        for folder in folders
    }
    assert set(listed) == names


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


@pytest.mark.parametrize("extra", DOORS)
def test_an_optional_door_is_one_place_one_extra_and_one_mark(extra, setup):
    packages, place = DOORS[extra]
    assert extra in setup["options.extras_require"]
    assert f"\n{extra}:" in setup["tool:pytest"]["markers"]
    for top in ("ffa_keras", "datasets", "export"):
        for path in (ROOT / top).rglob("*.py"):
            if not path.relative_to(ROOT).as_posix().startswith(place):
                assert not packages & {*_imports(path)}, path
    needs = re.compile(rf'reason="needs ffa_keras\[{extra}\]"')
    tests = [p for p in (ROOT / "tests").rglob("*.py") if p != Path(__file__)]
    needing = [text for t in tests if needs.search(text := t.read_text())]
    assert needing
    for text in needing:
        assert f"pytest.mark.{extra}" in text


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_command_finds_every_program(program):
    done = subprocess.run(
        [sys.executable, "-m", "ffa_keras", program, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "\nflags:\n" in done.stdout, done.stderr


def test_an_unknown_program_is_refused_with_the_list():
    done = subprocess.run(
        [sys.executable, "-m", "ffa_keras", "tanslate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "'tanslate': no such program" in done.stderr
    assert all(program in done.stderr for program in PROGRAMS)
