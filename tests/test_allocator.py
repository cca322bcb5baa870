"""Freed memory stays with the process, unless the environment forbids."""

import os
import subprocess
import sys

import pytest

# Page faults of a thread that asks for two megabytes again and again, as
# TensorFlow's do.
_PROGRAM = """
import resource, threading
import numpy as np
from ffa_keras.allocator import keep_freed_memory

def work():
    for _ in range(200):
        kept = [np.ones(2**18) for _ in range(8)]

keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _page_faults(**environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    return int(
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env=clean | environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    )


@pytest.mark.skipif(sys.platform != "linux", reason="is about glibc")
def test_memory_is_kept_unless_the_environment_says_otherwise():
    given_back = _page_faults(MALLOC_TOP_PAD_="131072")
    assert _page_faults() < given_back / 4
