"""Flagfiles by name, and the order of flags and flagfiles."""

import pytest

from ffa_keras.errors import InputError
from ffa_keras.presets import expand, preset


@pytest.mark.parametrize(
    "arguments", [["--preset=isfahan"], ["-preset", "isfahan"]]
)
def test_a_preset_is_the_flagfile_of_that_name(arguments):
    (flagfile,) = expand(arguments)
    assert flagfile == f"--flagfile={preset('isfahan')}"
    assert "--patch_height=288" in preset("isfahan").read_text()


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="--preset=isfahn: .*demo.*isfahan"):
        expand(["--preset=isfahn"])


def test_a_flag_that_a_later_flagfile_overrules_is_told(tmp_path, capsys):
    file = tmp_path / "some.cfg"
    file.write_text("--seed=3\n# a comment\n--flip=false\n")
    arguments = ["--seed=1", f"--flagfile={file}", "--flip=true"]
    assert expand(arguments) == arguments
    words = capsys.readouterr().err
    assert words.startswith("warning: --seed=1 loses to --seed=3 in ")
    assert words.count("\n") == 1


def test_the_same_value_before_a_flagfile_is_no_reason_to_warn(
    tmp_path, capsys
):
    file = tmp_path / "some.cfg"
    file.write_text("--seed=3\n")
    expand(["--seed=3", "--flagfile", str(file)])
    assert not capsys.readouterr().err


def test_what_follows_two_dashes_is_left_alone():
    assert expand(["--", "--preset=none"]) == ["--", "--preset=none"]
