"""Perceptual loss: squared difference of VGG19 features (paper, Eq. 6)."""

import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.ops import to_grey_levels

# Convolutions of VGG19 up to the features of DeblurGAN, block3_conv3.
_BLOCKS = ((64, 2), (128, 2), (256, 3))
# Of an array: twice the largest kernel, 3x3x256x256. Files can claim more.
_MOST_BYTES = 2 * 3 * 3 * 256 * 256 * 4
_IMAGENET_MEAN_BGR = (103.939, 116.779, 123.68)


class PerceptualLoss:
    """Squared difference of two images' VGG19 `block3_conv3` features.

    Args:
        weights: `"imagenet"` to take them through `keras.applications`
            (downloads 80 MB once), or the path of a file: a Keras `.h5` of
            VGG19, or an `.npz` with arrays `block1_conv1__kernel`,
            `block1_conv1__bias` and so on to `block3_conv3`.

    Raises:
        InputError: the weights cannot be had. There is no fallback: features
            of an untrained VGG19 would mean nothing.
    """

    def __init__(self, weights: str = "imagenet") -> None:
        self.features = _build_features()
        arrays = _load_weights(weights)
        expected = [tuple(w.shape) for w in self.features.weights]
        if [array.shape for array in arrays] != expected:
            raise InputError(
                f"--vgg_weights={weights}: not VGG19 weights up to"
                " block3_conv3 (other shapes)"
            )
        self.features.set_weights(arrays)
        self.features.trainable = False

    def __call__(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """Return the loss of each image, averaged over features.

        Args:
            real: float32 tensor [B, H, W, C] in [-1, 1], the real image, grey
                or RGB; no gradient flows to it.
            fake: float32 tensor [B, H, W, C'] in [-1, 1], the generated one.

        Returns:
            float32 tensor [B].
        """
        real_features = tf.stop_gradient(self.features(_preprocess(real)))
        fake_features = self.features(_preprocess(fake))
        return tf.reduce_mean(
            tf.math.squared_difference(real_features, fake_features),
            axis=(1, 2, 3),
        )


def _preprocess(images: tf.Tensor) -> tf.Tensor:
    return to_grey_levels(images)[..., ::-1] - tf.constant(_IMAGENET_MEAN_BGR)


def _layer_names() -> list[str]:
    return [
        f"block{block}_conv{conv}"
        for block, (_, convs) in enumerate(_BLOCKS, start=1)
        for conv in range(1, convs + 1)
    ]


def _build_features() -> keras.Model:
    layers: list[keras.layers.Layer] = []
    names = iter(_layer_names())
    for filters, convs in _BLOCKS:
        if layers:
            layers.append(keras.layers.MaxPooling2D(dtype="float32"))
        layers += [
            keras.layers.Conv2D(
                filters,
                3,
                padding="same",
                activation="relu",
                # float32 under mixed precision too: features reach thousands,
                # and their squares would overflow float16.
                dtype="float32",
                name=next(names),
            )
            for _ in range(convs)
        ]
    model = keras.Sequential(layers, name="vgg19_block3_conv3")
    model.build((None, None, None, 3))
    return model


def _load_weights(source: str) -> list[np.ndarray]:
    if source == "imagenet":
        return _download()
    path = Path(source)
    readers = {".npz": _read_npz, ".h5": _read_h5}
    if path.suffix not in readers:
        raise InputError(
            f"--vgg_weights={source}: expected 'imagenet' or a .h5 or .npz file"
        )
    if not path.is_file():
        raise InputError(f"--vgg_weights={source}: no such file")
    try:
        return readers[path.suffix](path)
    except Exception as error:  # Whatever a damaged or foreign file leads to.
        raise InputError(
            f"--vgg_weights={source}: not VGG19 weights up to block3_conv3"
            f" ({error}); give the file of Keras or of this project's form"
        ) from error


def _download() -> list[np.ndarray]:
    try:
        vgg19 = keras.applications.VGG19(include_top=False, weights="imagenet")
    except Exception as error:  # whatever the download raises
        raise InputError(
            "--vgg_weights=imagenet: the VGG19 weights could not be downloaded"
            f" ({type(error).__name__}). Give a file with --vgg_weights=PATH,"
            " or train without the perceptual term: --perceptual_weight=0"
        ) from error
    return [
        array
        for name in _layer_names()
        for array in vgg19.get_layer(name).get_weights()
    ]


def _read_npz(path: Path) -> list[np.ndarray]:
    names = [
        f"{name}__{kind}"
        for name in _layer_names()
        for kind in ("kernel", "bias")
    ]
    with zipfile.ZipFile(path) as archive:
        sizes = [archive.getinfo(f"{name}.npy").file_size for name in names]
    if max(sizes) > _MOST_BYTES:
        raise ValueError("other shapes")
    with np.load(path) as arrays:
        return [arrays[name] for name in names]


def _read_h5(path: Path) -> list[np.ndarray]:
    weights = []
    with h5py.File(path) as file:
        root = file["model_weights"] if "model_weights" in file else file
        for name in _layer_names():
            items: list[h5py.Group | h5py.Dataset] = []
            # What `append` returns is `None`, which asks for the next.
            root[name].visititems(lambda _, item, add=items.append: add(item))
            found = [item for item in items if isinstance(item, h5py.Dataset)]
            if any(item.nbytes > _MOST_BYTES for item in found):
                raise ValueError("other shapes")
            # The bias is the one with a single axis.
            found.sort(key=lambda item: -item.ndim)
            weights += [item[()] for item in found]
    return weights
