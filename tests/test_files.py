"""Files and folders are written whole or not at all, over nobody else's."""

import errno
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from ffa_keras import files
from ffa_keras.errors import InputError
from ffa_keras.files import replacing, scratch_folder, take_lock
from ffa_keras.sums import SUMS_NAME, check_sums


def _is_scratch(path):
    return any(part.startswith(".writing-") for part in path.parts)


def _write(path, content, **options):
    """Write a file, or a folder with the files of a dict."""
    with replacing(path, **options) as temporary:
        assert _is_scratch(temporary)
        if isinstance(content, str):
            temporary.write_text(content)
            return
        for name, text in content.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_text(text)


def _content(path):
    """Everything in a folder but its sums, by relative path."""
    return {
        p.relative_to(path).as_posix(): p.read_text()
        for p in path.rglob("*")
        if p.is_file() and p.name != SUMS_NAME
    }


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path):
    for text in ("old", "new"):
        _write(tmp_path / "new" / "a.txt", text)
    assert _content(tmp_path) == {"new/a.txt": "new"}


def test_a_folder_is_replaced_whole(tmp_path):
    _write(tmp_path / "a", {"old.txt": "1", "b/c.txt": "2"})
    _write(tmp_path / "a", {"new.txt": "3"})
    assert _content(tmp_path) == {"a/new.txt": "3"}


def test_an_empty_folder_may_be_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    _write(tmp_path / "a", {"new.txt": "3"})
    assert _content(tmp_path) == {"a/new.txt": "3"}


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    _write(tmp_path / "a", {"old.txt": "1"})
    (tmp_path / "link").symlink_to(tmp_path / "a")
    _write(tmp_path / "link", {"new.txt": "3"})
    assert (tmp_path / "link").is_symlink()
    assert _content(tmp_path / "a") == {"new.txt": "3"}


def test_a_link_to_a_file_is_replaced_and_not_its_file(tmp_path):
    (tmp_path / "photograph.png").write_text("the patient's")
    (tmp_path / "a.png").symlink_to(tmp_path / "photograph.png")
    _write(tmp_path / "a.png", "synthetic")
    assert (tmp_path / "photograph.png").read_text() == "the patient's"


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    _write(tmp_path / "a", {"old.txt": "1"})
    with pytest.raises(InputError, match="a: is a folder; name a file"):
        _write(tmp_path / "a", "file")
    assert _content(tmp_path) == {"a/old.txt": "1"}


def test_a_folder_never_takes_the_place_of_a_file(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InputError, match="a: is a file; name a folder"):
        _write(tmp_path / "a", {"new.txt": "1"})
    assert _content(tmp_path) == {"a": "mine"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", "mine"), ("b/notes.txt", "mine"), ("old.txt", "edited")],
)
def test_a_folder_with_a_file_of_the_users_is_never_replaced(
    tmp_path, name, text
):
    _write(tmp_path / "a", {"old.txt": "1"})
    (tmp_path / "a" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "a" / name).write_text(text)
    before = _content(tmp_path)
    with (
        pytest.raises(InputError, match=f"not written by this program, {name}"),
        replacing(tmp_path / "a"),
    ):
        pytest.fail("refused only after the work")
    assert _content(tmp_path) == before


def test_a_file_that_comes_meanwhile_is_kept(tmp_path):
    _write(tmp_path / "a", {"old.txt": "1"})
    with (
        pytest.raises(InputError, match="notes.txt"),
        replacing(tmp_path / "a") as temporary,
    ):
        temporary.mkdir()
        (tmp_path / "a" / "notes.txt").write_text("mine")
    assert _content(tmp_path) == {"a/old.txt": "1", "a/notes.txt": "mine"}


def test_nothing_written_leaves_the_old_folder(tmp_path):
    _write(tmp_path / "a", {"old.txt": "1"})
    with (
        pytest.raises(RuntimeError, match="nothing"),
        replacing(tmp_path / "a"),
    ):
        pass
    assert _content(tmp_path) == {"a/old.txt": "1"}


def test_the_old_folder_comes_back_if_the_new_cannot_be_renamed(
    tmp_path, monkeypatch
):
    _write(tmp_path / "a", {"old.txt": "1"})
    rename = Path.rename

    def fail(self, target):
        if (self / "new.txt").exists():
            raise OSError(errno.EIO, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        _write(tmp_path / "a", {"new.txt": "3"})
    assert _content(tmp_path) == {"a/old.txt": "1"}


def test_a_full_disk_names_the_file(tmp_path):
    with (
        pytest.raises(OSError, match="a.txt") as caught,
        replacing(tmp_path / "a.txt") as temporary,
    ):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.errno == errno.ENOSPC
    assert not _content(tmp_path)


@pytest.mark.parametrize("content", ["file", {"b.txt": "1"}])
def test_exclusive_refuses_what_stands_there(tmp_path, content):
    _write(tmp_path / "a", content, exclusive=True)
    before = _content(tmp_path)
    with (
        pytest.raises(InputError, match="a: exists and is never replaced"),
        replacing(tmp_path / "a", exclusive=True),
    ):
        pytest.fail("refused only after the work")
    assert _content(tmp_path) == before


@pytest.mark.parametrize("content", ["file", {"b.txt": "1"}])
def test_of_two_exclusive_writers_the_later_is_refused(
    tmp_path, content, monkeypatch
):
    # Both have looked and found nothing before either is done.
    monkeypatch.setattr(os.path, "lexists", _is_scratch)
    _write(tmp_path / "a", content, exclusive=True)
    before = _content(tmp_path)
    with pytest.raises(InputError, match="a: exists and is never replaced"):
        _write(tmp_path / "a", content, exclusive=True)
    assert _content(tmp_path) == before


def test_what_is_written_is_on_the_disk_before_it_has_its_name(
    tmp_path, monkeypatch
):
    flushed = []
    fsync = os.fsync

    def note(descriptor):
        there = (tmp_path / "a").exists()
        flushed.append((os.readlink(f"/proc/self/fd/{descriptor}"), there))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    _write(tmp_path / "a", {"b.txt": "1"})
    assert [name.endswith("b.txt") for name, there in flushed if not there]
    assert flushed[-1] == (str(tmp_path), True)


_KILLED = """
import os, signal, sys
from pathlib import Path
from ffa_keras.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.mkdir()
    (temporary / "half.txt").write_text("half")
    if sys.argv[2] == "moved":
        Path.rename = lambda old, new, rename=Path.rename: (
            os.kill(os.getpid(), 9) if (old / "half.txt").exists()
            else rename(old, new)
        )
    elif sys.argv[2] == "waiting":
        print("writing", flush=True)
        sys.stdin.read()
    else:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _start(path, moment):
    return subprocess.Popen(
        [sys.executable, "-c", _KILLED, path, moment],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip


@pytest.mark.parametrize("moment", ["written", "moved"])
def test_leftovers_of_a_killed_program_are_swept_and_the_old_put_back(
    tmp_path, moment
):
    _write(tmp_path / "a", {"old.txt": "1"})
    with _start(tmp_path / "a", moment) as killed:
        assert killed.wait() == -9
    assert any(_is_scratch(p.relative_to(tmp_path)) for p in tmp_path.iterdir())
    # As the next program: this one has looked here already.
    program = "from ffa_keras.files import *; from pathlib import Path; import"
    program += f" sys; write_text(Path({str(tmp_path / 'b')!r}), 'next')"
    subprocess.run(
        [sys.executable, "-c", program], check=True,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert _content(tmp_path) == {"a/old.txt": "1", "b": "next"}


def test_a_scratch_folder_in_use_is_not_swept(tmp_path):
    with _start(tmp_path / "a", "waiting") as other:
        assert other.stdout.readline() == "writing\n"
        with scratch_folder(tmp_path) as folder:
            assert len(list(tmp_path.glob(".writing-*"))) == 2
        assert not folder.exists()
        other.communicate()
        assert other.returncode == 0
    assert _content(tmp_path) == {"a/half.txt": "half"}


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_sums_notice_damage(tmp_path, damage):
    _write(tmp_path / "a", {"b.txt": "1", "c/d.txt": "2"})
    check_sums(tmp_path / "a")
    if damage == "changed":
        (tmp_path / "a/c/d.txt").write_text("3")
    else:
        (tmp_path / "a/c/d.txt").unlink()
    with pytest.raises(InputError, match="c/d.txt: damaged"):
        check_sums(tmp_path / "a")


def test_sums_are_those_of_the_usual_program(tmp_path):
    _write(tmp_path / "a", {"b.txt": "1", "c/d.txt": "2"})
    subprocess.run(
        ["sha256sum", "--check", "--strict", SUMS_NAME],
        cwd=tmp_path / "a", check=True, capture_output=True,
    )  # fmt: skip


def test_a_folder_without_sums_is_not_checked(tmp_path):
    check_sums(tmp_path)


def test_where_no_file_can_be_locked_all_is_written_and_nothing_swept(
    tmp_path, monkeypatch
):
    leftover = tmp_path / ".writing-abc"
    leftover.mkdir()
    monkeypatch.setattr(sys, "platform", "win32")
    # As Windows reads it: without a module that it does not have, and with
    # folders that cannot be opened.
    monkeypatch.setitem(sys.modules, "fcntl", None)
    opened = os.open

    def open_file(path, *arguments, **options):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "folder", str(path))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(os, "open", open_file)
    windows = runpy.run_path(files.__file__)
    with windows["replacing"](tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert leftover.is_dir()


def test_a_lock_is_held_until_the_file_is_closed(tmp_path):
    with (tmp_path / "a").open("w") as first, (tmp_path / "a").open() as other:
        take_lock(first)
        with pytest.raises(BlockingIOError):
            take_lock(other)
        first.close()
        take_lock(other)
