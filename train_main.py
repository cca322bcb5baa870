r"""Train a system on a prepared dataset.

    python train_main.py --flagfile=flagfiles/isfahan.cfg --run_dir=runs/isfahan

The flags are the settings of `ffa_keras.training.config`: those that all
methods share and the options of each, in `ffa_keras.methods.options`. A flag
after `--flagfile` wins over the file, one before it loses.
"""

# isort: skip_file
# ruff: noqa: E402
from ffa_keras import cli
from ffa_keras.training import interrupt

# TensorFlow, below, takes seconds to start.
interrupt.exit_on_signals()

from absl import flags

from ffa_keras.settings import define_settings, given
from ffa_keras.training.config import CONFIGS, make_config
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
_SETTINGS = define_settings(*CONFIGS.values())


def main() -> None:
    """Read the flags and train."""
    config = make_config(**given(_SETTINGS))
    split_cpu(config.replicas)
    train(config, _RESUME.value, _PATIENCE.value)


if __name__ == "__main__":
    cli.run(main)
