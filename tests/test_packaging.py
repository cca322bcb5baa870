"""What an installation holds, and the one command that finds it."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest

from ffa_keras.__main__ import PROGRAMS

ROOT = Path(__file__).parents[1]


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
