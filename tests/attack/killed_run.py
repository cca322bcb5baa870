"""Train, and die as by SIGKILL when a function is called the Nth time.

`python -m tests.attack.killed_run WHEN FUNCTION N FLAGS_CFG`, where WHEN is
`before` or `after` the call, or `half`: after it, with half of the newest
checkpoint missing.
"""

import importlib
import os
import signal
import sys
from pathlib import Path

from ffa_keras.training.config import read_config
from ffa_keras.training.train import train


def _owner(path):
    """Return the module or class that holds the last name of a dotted path."""
    *names, last = path.split(".")
    for length in range(len(names), 0, -1):
        try:
            owner = importlib.import_module(".".join(names[:length]))
        except ImportError:
            continue
        for name in names[length:]:
            owner = getattr(owner, name)
        return owner, last
    raise ImportError(path)


def _halve(run_dir):
    data = max(
        Path(run_dir).glob("checkpoints/ckpt-*.data-*"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    data.with_suffix(".index").unlink()


def main(when, function, number, flags_cfg):
    config = read_config(flags_cfg)
    owner, name = _owner(function)
    original, calls = getattr(owner, name), []

    def call(*arguments, **options):
        calls.append(name)
        last = len(calls) == int(number)
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if last:
            if when == "half":
                _halve(config.run_dir)
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, call)
    train(config, resume=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
