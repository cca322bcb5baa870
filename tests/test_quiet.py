"""What TensorFlow prints as it starts, and what still gets through."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ffa_keras.quiet import quiet_start

ROOT = Path(__file__).parents[1]


def test_information_is_kept_off_the_terminal(capfd):
    with quiet_start():
        os.write(2, b"WARNING: All log messages before absl::InitializeLog()\n")
        os.write(2, b"I0000 00:00:1 10355 port.cc:153] oneDNN is on\n")
    assert not capfd.readouterr().err


@pytest.mark.parametrize(
    "line", ["E0000 00:00:1 5 dso.cc:1] no libcudnn", "Traceback", "W0000 a"]
)
def test_anything_else_is_printed(capfd, line):
    with quiet_start():
        os.write(2, f"{line}\n".encode())
    assert capfd.readouterr().err == f"{line}\n"


def test_an_exception_does_not_lose_what_was_printed_before_it(capfd):
    with pytest.raises(ImportError), quiet_start():
        print("libcuda is too old", file=sys.stderr)
        raise ImportError
    assert capfd.readouterr().err == "libcuda is too old\n"


def test_a_crash_is_told():
    program = (
        "import os\nfrom ffa_keras.quiet import quiet_start\n"
        "with quiet_start():\n    os.abort()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "Aborted" in done.stderr
