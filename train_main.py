r"""Train a system on a prepared dataset.

    python train_main.py --flagfile=flagfiles/isfahan.cfg --run_dir=runs/isfahan

The program itself is `ffa_keras.training.__main__`.
"""

import runpy

if __name__ == "__main__":
    runpy.run_module("ffa_keras.training", run_name="__main__", alter_sys=True)
