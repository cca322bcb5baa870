r"""Train a system on a prepared dataset.

    python train_main.py --flagfile=flagfiles/isfahan.cfg --run_dir=runs/isfahan
    ffa_keras train --preset=isfahan --run_dir=runs/isfahan

The flags are the settings of `ffa_keras.training.config`: those that all
methods share and the options of each, in `ffa_keras.methods.options`. A flag
after `--flagfile` or `--preset` wins over the file, one before it loses.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.settings import define_settings, given
from ffa_keras.training import interrupt
from ffa_keras.training.config import (
    CONFIGS,
    PATIENCE,
    TrainConfig,
    make_config,
)

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


def _config() -> TrainConfig:
    # TensorFlow, which comes next, takes seconds to start.
    interrupt.exit_on_signals()
    return make_config(**given(_SETTINGS))


def main(config: TrainConfig, strategy: ModuleType, train: ModuleType) -> None:
    """Train as the flags say."""
    strategy.split_cpu(config.replicas)
    train.train(config, _RESUME.value, _PATIENCE.value)


if __name__ == "__main__":
    cli.run(
        main,
        "ffa_keras.training.strategy",
        "ffa_keras.training.train",
        settings=_config,
    )
