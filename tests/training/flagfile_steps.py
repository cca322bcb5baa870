"""One step of every shipped flagfile.

`python -m tests.training.flagfile_steps REPLICAS DATA RUNS VGG`

Everything is as shipped but for the width and depth of the networks; where a
flagfile serves several systems, each takes a step. Prints what the run of each
says.

A program of its own, since TensorFlow splits the CPU before it starts or not
at all.
"""

import sys
from pathlib import Path

from absl import flags
from absl.testing import flagsaver

from ffa_keras.errors import Interrupted
from ffa_keras.methods import METHODS
from ffa_keras.settings import define_settings, given
from ffa_keras.training import train as training
from ffa_keras.training.config import CONFIGS, make_configs
from ffa_keras.training.loop import Loop
from ffa_keras.training.strategy import split_cpu

SMALL = ("--num_filters=2", "--num_blocks=1", "--discriminator_filters=2")


class OneStep(Loop):
    """Asked to stop from the start, so after its first step."""

    def run(self, stop_asked):
        super().run(lambda: True)


def main(replicas: str, data: str, runs: str, vgg: str) -> None:
    split_cpu(int(replicas))
    training.Loop = OneStep
    settings = define_settings(*CONFIGS.values())
    for path in sorted(Path("flagfiles").glob("*.cfg")):
        several = "--method" not in path.read_text()
        for method in METHODS if several else ("",):
            name = f"{path.stem} {method}".strip()
            more = [f"--method={method}"] if several else []
            with flagsaver.flagsaver():
                flags.FLAGS(
                    [
                        "train_main.py", f"--flagfile={path}", *more, *SMALL,
                        "--init_from=",
                        f"--dataset_dir={data}", f"--run_dir={runs}/{name}",
                        f"--vgg_weights={vgg}", f"--replicas={replicas}",
                    ]
                )  # fmt: skip
                chosen = given(settings)
                method = chosen.pop("method", "proposed")
                config = make_configs(METHODS, **chosen)[method]
            try:
                training.train(config)
            except Interrupted as stop:
                print(f"{name}: {stop}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
