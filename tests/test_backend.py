"""Keras on another backend than TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _python(program, backend):
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_is_set_right_in_words(backend):
    done = _python(
        "import os, ffa_keras; print(os.environ['KERAS_BACKEND'])", backend
    )
    assert done.stdout == "tensorflow\n"
    assert f"KERAS_BACKEND={backend}: ffa_keras runs on" in done.stderr


def test_keras_that_runs_on_another_backend_is_refused_in_words():
    pretend = (
        "import sys, types\nkeras = types.ModuleType('keras')\n"
        "keras.config = types.SimpleNamespace(backend=lambda: 'jax')\n"
        "sys.modules['keras'] = keras\nimport ffa_keras"
    )
    done = _python(pretend, "jax")
    assert done.returncode
    assert "it runs on jax already: set KERAS_BACKEND=" in done.stderr
