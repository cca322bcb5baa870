"""`python -m ffa_keras.records.audit`, under its name of before."""

from ffa_keras import cli  # isort: skip  (before TensorFlow)
from ffa_keras.records.audit.__main__ import main

if __name__ == "__main__":
    cli.run(main)
