r"""What pairs that do not lie exactly cost, and what a tolerance gives back.

    python -m benchmarks.misregistration

Goes on training the released generator on phantoms whose FFA lie off by a
known number of pixels at most, each patch by its own, and prints how well the
vessels of other phantoms, which lie exactly, are then drawn.
"""

from ffa_keras import cli  # isort: skip

import keras
import numpy as np
import tensorflow as tf
from absl import flags

from benchmarks.harness import show_table
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.vessels import VESSELS
from ffa_keras.methods.options import METHODS, ProposedOptions
from ffa_keras.ops import from_grey_levels
from ffa_keras.phantom import CATEGORIES, PhantomPair, make_pair
from ffa_keras.training.initial import initialise
from ffa_keras.translation.whole import translate_native

_STEPS = flags.DEFINE_integer("steps", 250, "Training steps.")
_PATCH = flags.DEFINE_integer("patch", 112, "Side of a patch, pixels.")
_SIZE = flags.DEFINE_integer("size", 384, "Side of a phantom, pixels.")
_JITTER = flags.DEFINE_multi_integer("jitter", [0, 3, 6], "Pixels off.")

_TRAINED_ON, _JUDGED = range(7000, 7032), range(8000, 8012)
_RATE = 3e-4


def _batches(jitter: int) -> list[dict[str, tf.Tensor]]:
    rng = np.random.default_rng(0)
    pairs = [_phantom(seed) for seed in _TRAINED_ON]
    side, room = _PATCH.value, _SIZE.value - _PATCH.value
    batches = []
    for _ in range(_STEPS.value):
        pair = pairs[rng.integers(len(pairs))]
        y, x = rng.integers(jitter, room - jitter, 2)
        dy, dx = rng.integers(-jitter, jitter + 1, 2)
        patches = {
            "fundus": pair.fundus[y : y + side, x : x + side],
            "ffa": pair.ffa[y + dy : y + dy + side, x + dx : x + dx + side],
        }
        batches.append(
            {k: from_grey_levels(v[None]) for k, v in patches.items()}
        )
    return batches


def _phantom(seed: int) -> PhantomPair:
    category = CATEGORIES[seed % len(CATEGORIES)]
    return make_pair(seed, category, _SIZE.value, misalignment=0.0)


def _vessel_auc(generator: keras.Model) -> float:
    scores = []
    for seed in _JUDGED:
        pair = _phantom(seed)
        eye = Eye(pair.fundus, pair.ffa, pair.ffa > 0)
        answer = translate_native(generator, pair.fundus)
        scores.append(VESSELS.of(eye)(answer)["vessel_auc"])
    return float(np.mean(scores))


def _trained(jitter: int, tolerance: int) -> float:
    keras.utils.set_random_seed(0)
    system = METHODS["proposed"].build(
        ProposedOptions(
            num_filters=16,
            num_blocks=4,
            discriminator_filters=4,
            adversarial_weight=0.0,
            perceptual_weight=0.0,
            patch_height=_PATCH.value,
            patch_width=_PATCH.value,
            shift_tolerance=tolerance,
        )
    )
    initialise(system, "pretrained")
    system.compile(lambda _: keras.optimizers.Adam(_RATE, beta_1=0.5))
    step = tf.function(system.train_step)
    for batch in _batches(jitter):
        step(batch)
    return _vessel_auc(system.generator)


def main() -> None:
    """Train for each number of pixels without and with a tolerance."""
    show_table(
        ("FFA off by at most", "no tolerance", "as much tolerance"),
        (
            (
                f"{jitter} pixels", _trained(jitter, 0),
                _trained(jitter, jitter) if jitter else "",
            )
            for jitter in _JITTER.value
        ),
    )  # fmt: skip


if __name__ == "__main__":
    cli.run(main)
