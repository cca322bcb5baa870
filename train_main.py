r"""Train a system on a prepared dataset.

    python train_main.py --flagfile=flagfiles/isfahan.cfg --run_dir=runs/isfahan

Every field of `ffa_keras.training.config.TrainConfig` is a flag. A flag after
`--flagfile` wins over the file, one before it loses.
"""

# isort: skip_file
# ruff: noqa: E402
from ffa_keras import cli
from ffa_keras.training import interrupt

# TensorFlow, below, takes seconds to start.
interrupt.exit_on_signals()

from absl import flags

from ffa_keras.training.config import TrainConfig
from ffa_keras.training.strategy import PATIENCE, split_cpu
from ffa_keras.training.train import train

_RESUME = flags.DEFINE_bool(
    "resume", False, "Go on from the latest checkpoint in --run_dir."
)
_PATIENCE = flags.DEFINE_float(
    "patience",
    PATIENCE,
    "Seconds to wait for the other machines of TF_CONFIG.",
    lower_bound=0,
)
_SETTINGS = cli.define_settings(TrainConfig)


def main() -> None:
    """Read the flags and train."""
    config = TrainConfig(**{flag.name: flag.value for flag in _SETTINGS})
    split_cpu(config.replicas)
    train(config, _RESUME.value, _PATIENCE.value)


if __name__ == "__main__":
    cli.run(main)
