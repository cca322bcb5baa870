r"""Train every system alike, judge them on the same eyes, side by side.

    python -m ffa_keras.evaluation.compare --flagfile=flagfiles/compare.cfg \
        --dataset_dir=data --output=comparison

Every setting of `train_main.py` is a flag here too, but for `method` and
`run_dir`, and holds for the systems that have it. Runs are kept in RUNS_DIR;
the same command goes on where it was stopped, and only judges what is trained.
--seeds=3 trains each system three times, and the intervals count that.

Writes `comparison.json`, `.md`, `.tex` and `.csv`, `figure.png`,
`model_card_METHOD.md`, and `index.html` to leaf through the pictures beside it.
"""

from types import ModuleType

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.methods import METHODS
from ffa_keras.records.schema import SPLITS
from ffa_keras.settings import define_settings, given
from ffa_keras.training.config import CONFIGS, TrainConfig, make_configs

_METHODS = flags.DEFINE_list("methods", list(METHODS), "Systems to compare.")
_RUNS_DIR = flags.DEFINE_string(
    "runs_dir", "", "Folder of the runs; OUTPUT_runs if not given."
)
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder of the comparison, replaced.", required=True
)
_SEEDS = flags.DEFINE_integer(
    "seeds",
    1,
    "Train each system so often, from --seed on.",
    lower_bound=1,
)
_SPLIT = flags.DEFINE_enum("split", "test", SPLITS, "Which part to judge on.")
_PROTOCOL = define_settings(Protocol)
_SETTINGS = define_settings(*CONFIGS.values(), but=("method", "run_dir"))


def _configs() -> dict[str, TrainConfig]:
    unknown = set(_METHODS.value) - set(METHODS)
    if unknown or not _METHODS.value:
        raise InputError(
            f"--methods={','.join(_METHODS.value)}: expected some of"
            f" {', '.join(METHODS)}"
        )
    told = given(_SETTINGS)
    configs = make_configs(_METHODS.value, **told)
    left_out = [
        f"--{name}"
        for name in told
        if not any(hasattr(config, name) for config in configs.values())
    ]
    if left_out:
        print(
            f"note: left out {', '.join(left_out)}, which none of"
            f" {', '.join(configs)} has"
        )
    return configs


def main(
    configs: dict[str, TrainConfig],
    strategy: ModuleType,
    comparison: ModuleType,
) -> None:
    """Train what is not trained yet, judge, and print the table."""
    strategy.split_cpu(next(iter(configs.values())).replicas)
    print(
        comparison.compare(
            configs,
            _OUTPUT.value,
            _RUNS_DIR.value or f"{_OUTPUT.value}_runs",
            _SPLIT.value,
            _SEEDS.value,
            Protocol(**given(_PROTOCOL)),
        )
    )


if __name__ == "__main__":
    cli.run(
        main,
        "ffa_keras.training.strategy",
        "ffa_keras.evaluation.compare.comparison",
        settings=_configs,
    )
