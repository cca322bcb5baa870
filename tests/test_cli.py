"""How programs end: one line and a status for what the user can mend."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import describe
from ffa_keras.images.files import write_png

ROOT = Path(__file__).parents[1]


def _run(body, *arguments, imports="", **options):
    """Run a program whose main function is `body`."""
    program = (
        "import errno, os, sys\n"
        f"{imports}\n"
        "from absl import flags\n"
        "from ffa_keras import cli\n"
        "from ffa_keras.errors import InputError, Interrupted\n"
        "N = flags.DEFINE_integer('number', 0, 'A number.')\n"
        "TEXT = flags.DEFINE_string('text', '', 'A text.')\n"
        f"def main():\n    {body}\n"
        "cli.run(main)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT, timeout=60,
        **{"capture_output": True, "text": True, **options},
    )  # fmt: skip


def _line(done, status=2):
    """The one line with which a program ended."""
    assert done.returncode == status, done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    ("body", "status", "line"),
    [
        ("raise InputError('--x: bad;\\n mend')", 2, "error: --x: bad; mend"),
        ("raise InputError('a  b.png: bad')", 2, "error: a  b.png: bad"),
        ("raise Interrupted('at step 3')", 75, "interrupted: at step 3"),
        ("raise KeyboardInterrupt", 130, "interrupted: stopped from the key"),
        ("raise MemoryError('9 GiB')", 2, "error: out of memory (9 GiB); use"),
        (
            "raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), 'a/b')",
            2, "error: a/b: no space left on device; make room",
        ),
        ("open('/proc/none', 'w')", 2, "error: /proc/none: no such file"),
        ("open(5000 * 'x')", 2, "error: xxx"),
        ("b'\\xff'.decode()", 2, "error: text that is not UTF-8"),
    ],
)  # fmt: skip
def test_what_the_user_can_mend_is_one_line(body, status, line):
    assert _line(_run(body), status).startswith(line)


def test_a_name_while_written_is_not_told():
    body = "open('/proc/.writing-ab12/eye.png', 'w')"
    assert "/proc/eye.png: no such" in _line(_run(body))


@pytest.mark.parametrize(
    "error", ["TypeError", "AssertionError", "KeyError", "ValueError"]
)
def test_mistakes_of_the_program_keep_their_traceback(error):
    done = _run(f"raise {error}('oh')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--number=many", "--number=many"),
        ("--nmber=1", "Unknown command line flag 'nmber'"),
        ("--flagfile=/nowhere", "/nowhere"),
        ("--text=two\nlines", "--text: is more than one line"),
        ("stray", "unexpected argument 'stray'"),
    ],
)
def test_a_bad_flag_is_one_line(flag, words):
    assert words in _line(_run("pass", flag))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"--text=caf\xe9\n", "--flagfile: text that is not UTF-8"),
        (b"--text=a\0b\n", "--text: is more than one line"),
    ],
)
def test_a_bad_flagfile_is_one_line(tmp_path, content, words):
    (tmp_path / "bad.cfg").write_bytes(content)
    assert words in _line(_run("pass", f"--flagfile={tmp_path / 'bad.cfg'}"))


def test_a_folder_as_flagfile_is_one_line(tmp_path):
    assert str(tmp_path) in _line(_run("pass", f"--flagfile={tmp_path}"))


def test_odd_bytes_in_names_can_be_printed():
    body = "print('\\udcff.png'); print('\\udcff.png', file=sys.stderr)"
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = _run(body, env=environment)
    assert done.returncode == 0
    assert done.stdout == done.stderr == "\\udcff.png\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_lead_nowhere(tmp_path, closed):
    """As for a service: what is opened next would get their numbers."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nfrom ffa_keras import cli\n"
        "def main(images):\n"
        "    file = open(sys.argv[0] + '.out', 'w')\n"
        "    print('an answer'), print('a warning', file=sys.stderr)\n"
        "    file.write(str(file.fileno()))\n"
        "cli.run(main, 'ffa_keras.images.files')"
    )
    line = f"PYTHONPATH={ROOT} {sys.executable} {program} {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True)
    assert done.returncode == 0
    assert int((tmp_path / "program.py.out").read_text()) > 2


def test_a_photograph_is_read_without_standard_error(tmp_path):
    """By a program of somebody else's, too."""
    write_png(tmp_path / "eye.png", np.zeros((9, 8, 3), np.uint8))
    program = (
        "import os; from ffa_keras.images.files import read_fundus\n"
        f"os.close(2); assert read_fundus({str(tmp_path / 'eye.png')!r}).size"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT)
    assert done.returncode == 0


def test_a_full_standard_output_is_one_line():
    with Path("/dev/full").open("w") as full:
        done = _run("print('done')", capture_output=False, stdout=full,
                    stderr=subprocess.PIPE)  # fmt: skip
    assert "no space left" in _line(done)


def test_the_command_line_needs_no_tensorflow():
    body = "assert 'tensorflow' not in sys.modules"
    assert _run(body).returncode == 0


@pytest.mark.parametrize(
    ("kind", "message", "words"),
    [
        ("ResourceExhaustedError", "OOM when allocating", "use smaller images"),
        (
            "ResourceExhaustedError",
            "a/.writing-xy/b.index; No space left on device",
            "a/b.index; No space left on device (ResourceExhaustedError); make",
        ),
        ("DataLossError", "corrupted record at 0", "the file is damaged"),
        ("PermissionDeniedError", "a/b; Read-only file system", "a/b; Read-"),
        ("OutOfRangeError", "a/b; File too large", "ulimit -f"),
        ("NotFoundError", "a/b; No such file", "a/b; No such file"),
    ],
)
def test_what_tensorflow_reports_of_the_system_has_words(kind, message, words):
    text = "{{function_node __wrapped__X}} " + message + " [Op:Save] name: "
    error = getattr(tf.errors, kind)(None, None, text)
    assert words in describe(error)
    assert "{{" not in describe(error)


@pytest.mark.parametrize("kind", ["InvalidArgumentError", "InternalError"])
def test_what_tensorflow_reports_of_the_program_has_none(kind):
    assert describe(getattr(tf.errors, kind)(None, None, "shapes")) is None


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.EROFS, "name a place that can be written"),
        (errno.EACCES, "check the permissions"),
        (errno.ENAMETOOLONG, "shorter name"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_error_of_the_system_has_its_cure(number, cure):
    error = OSError(number, os.strerror(number), "clinic/eye.png")
    assert describe(error).startswith("clinic/eye.png: ")
    assert cure in describe(error)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (
            ["inference", "a.png", "--exemplar=b.png", "--intervals=c.json"],
            "error: --intervals: were found for answers without --exemplar",
        ),
        (
            ["evaluation", "--run_dir=a", "--masks=b"],
            "error: --masks: is for --predictions only",
        ),
        (
            ["evaluation", "--run_dir=a", "--subgroups=sex"],
            "error: --subgroups: name columns of --table",
        ),
    ],
)
def test_flags_that_would_do_nothing_are_refused(run_program, arguments, words):
    program, *flags = arguments
    done = run_program("-m", f"ffa_keras.{program}", *flags, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(words)
