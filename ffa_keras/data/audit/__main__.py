"""`python -m ffa_keras.records.audit`, under its name of before."""

import runpy

if __name__ == "__main__":
    runpy.run_module("ffa_keras.records.audit", run_name="__main__")
