"""Where the patches of a pair lie, and how they are cut and flipped."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class PatchSampling:
    """How training patches are taken from an aligned pair.

    Attributes:
        height: of a patch, pixels.
        width: of a patch, pixels.
        stride: step of the overlapping grid, pixels; `None` for random crops.
        crops_per_pair: random crops of a pair in an epoch.
        min_valid: least share of a patch inside the valid mask.
        flip: whether patches are flipped at random, both ways.
    """

    height: int
    width: int
    stride: int | None = None
    crops_per_pair: int = 1
    min_valid: float = 0.75
    flip: bool = True


def patch_corners(
    valid_mask: tf.Tensor, sampling: PatchSampling, seed: tf.Tensor
) -> tf.Tensor:
    """Return the top-left corners of a pair's patches.

    Args:
        valid_mask: tensor [H, W, 1], 0 outside the overlap of both fields of
            view; H and W at least the patch's.
        sampling: grid or random crops.
        seed: int32 tensor [2]; fixes the random crops.

    Returns:
        int32 tensor [N, 2] of (y, x): all grid positions valid enough, the
        last row and column of the grid touching the border; or
        `crops_per_pair` random positions among those valid enough. N is 0
        where no position is.
    """
    height, width = sampling.height, sampling.width
    valid = tf.cast(valid_mask[..., 0] > 0, tf.int32)
    share = _window_sum(valid, height, width) / (height * width)
    allowed = share >= sampling.min_valid
    if sampling.stride is None:
        corners = tf.cast(tf.where(allowed), tf.int32)
        count = tf.shape(corners)[0]
        crops = sampling.crops_per_pair * tf.minimum(count, 1)
        chosen = tf.random.stateless_uniform(
            [crops], seed, 0, tf.maximum(count, 1), tf.int32
        )
        return tf.gather(corners, chosen)
    ys = _grid(tf.shape(valid)[0], height, sampling.stride)
    xs = _grid(tf.shape(valid)[1], width, sampling.stride)
    grid = tf.reshape(tf.stack(tf.meshgrid(ys, xs, indexing="ij"), -1), [-1, 2])
    return tf.boolean_mask(grid, tf.gather_nd(allowed, grid))


def cut_patches(
    pair: dict[str, tf.Tensor], corners: tf.Tensor, sampling: PatchSampling
) -> dict[str, tf.Tensor]:
    """Cut a pair's patches, black outside the valid mask in both images.

    Args:
        pair: `fundus` uint8 [H, W, 3], `ffa` uint8 [H, W, 1], `valid_mask`
            [H, W, 1].
        corners: int32 tensor [N, 2] of (y, x).
        sampling: gives the size of a patch.

    Returns:
        `fundus` uint8 [N, height, width, 3] and `ffa` uint8
        [N, height, width, 1].
    """
    valid = pair["valid_mask"] > 0
    size = (sampling.height, sampling.width)

    def cut(image: tf.Tensor) -> tf.Tensor:
        image = tf.where(valid, image, tf.zeros_like(image))
        channels = image.shape[-1]
        return tf.map_fn(
            lambda yx: tf.slice(image, [yx[0], yx[1], 0], [*size, channels]),
            corners,
            fn_output_signature=tf.TensorSpec((*size, channels), tf.uint8),
        )

    return {"fundus": cut(pair["fundus"]), "ffa": cut(pair["ffa"])}


def flip_at_random(
    patch: dict[str, tf.Tensor], seed: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Flip fundus and FFA alike, left-right and upside down.

    Args:
        patch: tensors [height, width, C] by name.
        seed: int32 tensor [2]; the same seed gives the same flips.

    Returns:
        The flipped tensors by name.
    """
    coins = tf.random.stateless_uniform([2], seed) < 0.5
    for axis in (0, 1):
        patch = {
            name: tf.cond(
                coins[axis],
                lambda image=image, axis=axis: tf.reverse(image, [axis]),
                lambda image=image: image,
            )
            for name, image in patch.items()
        }
    return patch


def _window_sum(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Return the sum of every height x width window, [H-h+1, W-w+1]."""
    total = tf.pad(image, [[1, 0], [1, 0]])
    total = tf.cumsum(tf.cumsum(total, axis=0), axis=1)
    rows = total[height:] - total[:-height]
    return rows[:, width:] - rows[:, :-width]


def _grid(length: tf.Tensor, size: int, stride: int) -> tf.Tensor:
    last = length - size
    return tf.unique(tf.concat([tf.range(0, last, stride), [last]], 0))[0]
