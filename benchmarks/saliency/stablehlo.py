"""Lower filter and gradient to StableHLO, for GPU machines without TF."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.saliency.contenders import test_image
from ffa_keras.ops import median, median_filter2d, sliding

_SIZES = (512, 2048)


def _forward(images: tf.Tensor) -> tf.Tensor:
    return median_filter2d(images)


def _forward_and_backward(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = median_filter2d(images)
    return outputs, tape.gradient(outputs, images, outputs)


def export(folder: Path) -> None:
    """Write `NAME.stablehlo`, `NAME_args.npz` and `NAME_expected.npz`.

    The arguments are numbered as the module takes them, and the expected
    outputs as it returns them. The forward pass takes uint8, forward and
    backward float32.

    Args:
        folder: made if absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # As where it will run, whatever this machine has.
    median.bytes_at_once = lambda: sliding.BYTES_ON_GPU  # type: ignore[attr-defined]
    for size in _SIZES:
        image = test_image(size)[None, ..., None]
        for name, step, images in (
            ("forward", _forward, image),
            ("forward_backward", _forward_and_backward, np.float32(image)),
        ):
            compiled = tf.function(step, jit_compile=True, autograph=False)
            argument = tf.constant(images)
            ir = compiled.experimental_get_compiler_ir(argument)
            stem = folder / f"median_{name}_{size}"
            Path(f"{stem}.stablehlo").write_text(ir(stage="stablehlo"))
            np.savez(f"{stem}_args.npz", allow_pickle=False, **{"000": images})
            outputs = tf.nest.flatten(compiled(argument))
            expected = {f"{i:03d}": x.numpy() for i, x in enumerate(outputs)}
            np.savez(f"{stem}_expected.npz", allow_pickle=False, **expected)
            moved = images.nbytes + sum(x.numpy().nbytes for x in outputs)
            print(f"{stem.name}: at least {moved} bytes to move")
