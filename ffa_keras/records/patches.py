"""Where the patches of a pair lie, how they are cut, masked and varied."""

import dataclasses

import numpy as np
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
        circular_mask: whether patches are black outside the circle whose
            diameter is their width, as the paper does where the photograph is
            a disc: "auto" if the pair is `circular`, "always" or "never".
        rotation: greatest angle of a random turn, degrees.
        photometric: greatest relative change of the photograph's brightness,
            contrast and colour.
    """

    height: int
    width: int
    stride: int | None = None
    crops_per_pair: int = 1
    min_valid: float = 0.75
    flip: bool = True
    circular_mask: str = "never"
    rotation: float = 0.0
    photometric: float = 0.0


def allowed_places(valid_mask: tf.Tensor, sampling: PatchSampling) -> tf.Tensor:
    """Return where the top-left corner of a patch may lie.

    Args:
        valid_mask: tensor [H, W, 1], 0 outside the overlap of both fields of
            view; H and W at least the patch's.
        sampling: size, grid and least valid share.

    Returns:
        bool tensor [H - height + 1, W - width + 1]: valid enough and, if there
        is a grid, on it; its last row and column touch the border.
    """
    height, width = sampling.height, sampling.width
    valid = tf.cast(valid_mask[..., 0] > 0, tf.int32)
    share = _window_sum(valid, height, width) / (height * width)
    allowed = share >= sampling.min_valid
    if sampling.stride is None:
        return allowed
    rows = _on_grid(tf.shape(allowed)[0], sampling.stride)
    columns = _on_grid(tf.shape(allowed)[1], sampling.stride)
    return allowed & rows[:, None] & columns


def patch_corners(
    allowed: tf.Tensor, sampling: PatchSampling, seed: tf.Tensor
) -> tf.Tensor:
    """Return the top-left corners of a pair's patches.

    Args:
        allowed: bool tensor [Y, X], from `allowed_places`.
        sampling: grid or random crops.
        seed: int32 tensor [2]; fixes the random crops.

    Returns:
        int32 tensor [N, 2] of (y, x): all places of the grid, or
        `crops_per_pair` random places. N is 0 where none is allowed.
    """
    if sampling.stride is None:
        return _random_corners(allowed, sampling.crops_per_pair, seed)
    return tf.cast(tf.where(allowed), tf.int32)


def cut_patch(
    pair: dict[str, tf.Tensor], corner: tf.Tensor, sampling: PatchSampling
) -> dict[str, tf.Tensor]:
    """Cut one patch out of the images of a pair.

    Args:
        pair: tensors [H, W, C] by name.
        corner: int32 tensor [2], (y, x).
        sampling: gives the size of a patch.

    Returns:
        Tensors [height, width, C] by name.
    """
    size = sampling.height, sampling.width
    return {
        name: tf.ensure_shape(
            tf.slice(image, [corner[0], corner[1], 0], [*size, -1]),
            (*size, image.shape[-1]),
        )
        for name, image in pair.items()
    }


def mask_patch(
    patch: dict[str, tf.Tensor], circular: tf.Tensor, sampling: PatchSampling
) -> dict[str, tf.Tensor]:
    """Blacken a patch outside the valid mask, and outside its circle.

    Args:
        patch: `fundus` uint8 [height, width, 3], `ffa` and `valid_mask` uint8
            [height, width, 1], the mask 0 or 255.
        circular: bool scalar, whether the photograph is a disc.
        sampling: says when the circle applies.

    Returns:
        `fundus` and `ffa`.
    """
    # Turning has blended the rim of the mask.
    mask = tf.where(patch["valid_mask"] == 255, patch["valid_mask"], 0)
    if sampling.circular_mask != "never":
        disc = circle(sampling.height, sampling.width).astype(np.uint8) * 255
        if sampling.circular_mask == "auto":
            disc = tf.where(circular, disc, tf.fill(disc.shape, np.uint8(255)))
        mask = tf.bitwise.bitwise_and(mask, disc)
    images = {name: patch[name] for name in ("fundus", "ffa")}

    def masked() -> dict[str, tf.Tensor]:
        # TensorFlow broadcasts over channels ten times as slowly.
        masks = {"fundus": tf.repeat(mask, 3, -1), "ffa": mask}
        return {
            name: tf.bitwise.bitwise_and(image, masks[name])
            for name, image in images.items()
        }

    whole = tf.reduce_all(mask == 255)
    result: dict[str, tf.Tensor] = tf.cond(whole, lambda: images, masked)
    return result


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


def turn_at_random(
    patch: dict[str, tf.Tensor], degrees: float, seed: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Turn fundus and FFA alike about their centre; corners become black.

    Args:
        patch: uint8 tensors [height, width, C] by name.
        degrees: greatest angle, either way.
        seed: int32 tensor [2].

    Returns:
        The turned tensors by name, bilinear.
    """
    limit = degrees * np.pi / 180
    angle = tf.random.stateless_uniform([], seed, -limit, limit)
    cos, sin = tf.cos(angle), tf.sin(angle)

    def turn(image: tf.Tensor) -> tf.Tensor:
        shape = tf.shape(image)[:2]
        y, x = tf.unstack((tf.cast(shape, tf.float32) - 1) / 2)
        back = [cos, sin, x - cos * x - sin * y]
        back += [-sin, cos, y + sin * x - cos * y, 0.0, 0.0]
        turned = tf.raw_ops.ImageProjectiveTransformV3(
            images=image[None],
            transforms=tf.stack(back)[None],
            output_shape=shape,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
            fill_value=0.0,
        )[0]
        return tf.ensure_shape(turned, image.shape)

    return {name: turn(image) for name, image in patch.items()}


def vary_light(
    fundus: tf.Tensor, strength: float, seed: tf.Tensor
) -> tf.Tensor:
    """Change brightness, contrast and colour of a photograph a little.

    Each channel is scaled and raised to a power, so black stays black.

    Args:
        fundus: tensor [height, width, 3], grey levels.
        strength: greatest relative change of scale and of exponent.
        seed: int32 tensor [2].

    Returns:
        float32 [height, width, 3], grey levels.
    """
    low, high = 1 - strength, 1 + strength
    draws = tf.random.stateless_uniform([5], seed, low, high)
    gain, power, tint = draws[0], draws[1], tf.sqrt(draws[2:])
    share = tf.cast(fundus, tf.float32) / 255
    return 255 * tf.minimum(gain * tint * share**power, 1.0)


def circle(height: int, width: int) -> np.ndarray:
    """Return the disc of a patch, its diameter the width, bool [h, w, 1]."""
    rows, columns = np.ogrid[:height, :width]
    y, x = rows - (height - 1) / 2, columns - (width - 1) / 2
    return (x**2 + y**2 <= (width / 2) ** 2)[..., None]


def _random_corners(
    allowed: tf.Tensor, count: int, seed: tf.Tensor
) -> tf.Tensor:
    """Return random places among those allowed, int32 [count or 0, 2]."""
    in_row = tf.reduce_sum(tf.cast(allowed, tf.int32), axis=1)
    until = tf.cumsum(in_row)
    total = until[-1]
    ranks = tf.random.stateless_uniform(
        [count * tf.minimum(total, 1)],
        seed,
        0,
        tf.maximum(total, 1),
        tf.int32,
    )
    ys = tf.searchsorted(until, ranks, side="right")
    rest = ranks - tf.gather(until - in_row, ys)
    before = tf.cumsum(tf.cast(tf.gather(allowed, ys), tf.int32), axis=1)
    xs = tf.argmax(before > rest[:, None], axis=1, output_type=tf.int32)
    return tf.stack([ys, xs], axis=1)


def _window_sum(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Return the sum of every height x width window, [H-h+1, W-w+1]."""
    total = tf.pad(image, [[1, 0], [1, 0]])
    total = tf.cumsum(tf.cumsum(total, axis=0), axis=1)
    rows = total[height:] - total[:-height]
    return rows[:, width:] - rows[:, :-width]


def _on_grid(count: tf.Tensor, stride: int) -> tf.Tensor:
    """Return which of the places in a line are on the grid, bool [count]."""
    places = tf.range(count)
    return (places % stride == 0) | (places == count - 1)
