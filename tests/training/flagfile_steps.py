"""One step of shipped flagfiles, or all that comes before it.

`python -m tests.training.flagfile_steps REPLICAS DATA RUNS VGG NAME...`

A name is that of the flagfile; where one serves several systems, `FILE METHOD`.
Everything is as shipped but for the width and depth of the networks, and the
run ends where its first step would begin. After a `-` it takes that step, on
small patches. Prints what the run of each says.

A program of its own, since TensorFlow splits the CPU before it starts or not
at all.
"""

import sys

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
# The least that `no_patchgan` takes: larger ones only take longer.
PATCH = ("--patch_height=112", "--patch_width=112", "--patch_stride=112")


class OneStep(Loop):
    """Asked to stop from the start, so after its first step."""

    def run(self, stop_asked):
        super().run(lambda: True)


class NoStep(Loop):
    """Ends before its first step, on a batch of every device."""

    def run(self, stop_asked):
        batch = next(iter(self._distributed_epoch(0, 0)))
        shares = self.strategy.experimental_local_results(batch["fundus"])
        height, width = self.config.patch_height, self.config.patch_width
        for share in shares:
            assert share.shape[1:] == (height, width, 3)
        raise Interrupted(f"ready on {len(shares)} devices")


def main(replicas: str, data: str, runs: str, vgg: str, *names: str) -> None:
    split_cpu(int(replicas))
    training.Loop, patch, place = NoStep, (), runs
    settings = define_settings(*CONFIGS.values())
    for name in names:
        if name == "-":
            training.Loop, patch, place = OneStep, PATCH, f"{runs}/steps"
            continue
        file, *method = name.split()
        more = [f"--method={each}" for each in method]
        with flagsaver.flagsaver():
            flags.FLAGS(
                [
                    "train_main.py", f"--flagfile=flagfiles/{file}.cfg", *more,
                    *SMALL, *patch, "--init_from=",
                    f"--dataset_dir={data}", f"--run_dir={place}/{name}",
                    f"--vgg_weights={vgg}", f"--replicas={replicas}",
                ]
            )  # fmt: skip
            chosen = given(settings)
            method_name = chosen.pop("method", "proposed")
            config = make_configs(METHODS, **chosen)[method_name]
        try:
            training.train(config)
        except Interrupted as stop:
            print(f"{name}: {stop}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
