"""`python -m ffa_keras.phantom`, under its name of before."""

import runpy

if __name__ == "__main__":
    runpy.run_module("ffa_keras.phantom", run_name="__main__")
