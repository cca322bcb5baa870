"""The perceptual loss and where its VGG19 weights come from."""

import pickle
import tracemalloc
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.losses import PerceptualLoss

NAMES = [
    f"block{b}_conv{c}"
    for b, n in ((1, 2), (2, 2), (3, 3))
    for c in range(1, n + 1)
]


@pytest.fixture(scope="module")
def vgg19():
    """An untrained VGG19 of Keras itself, the oracle for the features."""
    keras.utils.set_random_seed(0)
    return keras.applications.VGG19(include_top=False, weights=None)


@pytest.fixture(scope="module")
def npz(vgg19, tmp_path_factory):
    arrays = {}
    for name in NAMES:
        kernel, bias = vgg19.get_layer(name).get_weights()
        arrays |= {f"{name}__kernel": kernel, f"{name}__bias": bias}
    path = tmp_path_factory.mktemp("vgg") / "vgg19.npz"
    np.savez(path, **arrays)
    return path


def _images(seed):
    values = np.random.default_rng(seed).uniform(-1, 1, (2, 20, 28, 1))
    return tf.constant(values, tf.float32)


def test_it_is_the_mean_squared_difference_of_keras_block3_conv3(vgg19, npz):
    real, fake = _images(0), _images(1)
    features = keras.Model(vgg19.input, vgg19.get_layer("block3_conv3").output)

    def of(images):
        grey = tf.repeat((images + 1) * 127.5, 3, axis=-1)
        return features(keras.applications.vgg19.preprocess_input(grey))

    expected = np.square(of(real) - of(fake)).mean((1, 2, 3))
    np.testing.assert_allclose(
        PerceptualLoss(str(npz))(real, fake), expected, rtol=1e-4
    )


def test_gradient_reaches_the_generated_image_only(npz):
    real, fake = _images(0), _images(1)
    loss = PerceptualLoss(str(npz))
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = loss(real, fake)
    to_real, to_fake = tape.gradient(value, [real, fake])
    assert to_real is None
    assert np.abs(to_fake).max() > 0


def test_features_stay_float32_under_mixed_precision(npz):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        loss = PerceptualLoss(str(npz))
    finally:
        keras.config.set_dtype_policy("float32")
    assert loss.features(tf.zeros((1, 16, 16, 3))).dtype == tf.float32


@pytest.mark.parametrize("layout", ["{0}/{0}_W_1:0", "{0}/{0}/kernel:0"])
@pytest.mark.parametrize("root", ["", "model_weights/"])
def test_an_h5_file_gives_the_same_loss_as_npz(npz, tmp_path, layout, root):
    path = tmp_path / "vgg19.h5"
    with np.load(npz) as arrays, h5py.File(path, "w") as file:
        for name in NAMES:
            kernel = root + layout.format(name)
            bias = kernel.replace("_W_1", "_b_1").replace("kernel", "bias")
            file[kernel] = arrays[f"{name}__kernel"]
            file[bias] = arrays[f"{name}__bias"]
    real, fake = _images(0), _images(1)
    np.testing.assert_array_equal(
        PerceptualLoss(str(path))(real, fake),
        PerceptualLoss(str(npz))(real, fake),
    )


def test_absent_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.npz: no such file"):
        PerceptualLoss("nowhere.npz")


def test_unknown_kind_of_weights_is_refused():
    with pytest.raises(InputError, match="expected 'imagenet' or a .h5 or"):
        PerceptualLoss("vgg19.pth")


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_other_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match="not VGG19 weights"):
        PerceptualLoss(str(path))


class _Harm:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("wrapped", ["pickle", "npz"])
def test_no_pickle_is_run(tmp_path, wrapped):
    path, mark = tmp_path / "weights.npz", tmp_path / "was here"
    if wrapped == "pickle":
        path.write_bytes(pickle.dumps(_Harm(mark)))
    else:
        names = [f"{n}__{k}" for n in NAMES for k in ("kernel", "bias")]
        harm = np.array(_Harm(mark), object)
        np.savez(path, **dict.fromkeys(names, harm))
    with pytest.raises(InputError, match="not VGG19 weights"):
        PerceptualLoss(str(path))
    assert not mark.exists()


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_an_empty_file_is_refused(tmp_path, suffix):
    (tmp_path / f"weights{suffix}").touch()
    with pytest.raises(InputError, match="not VGG19 weights"):
        PerceptualLoss(str(tmp_path / f"weights{suffix}"))


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_arrays_of_gigabytes_are_refused_unread(tmp_path, suffix):
    """A sparse HDF5 file of 2 kB, a ZIP archive of 200 kB."""
    path = tmp_path / f"weights{suffix}"
    tracemalloc.start()
    if suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name in NAMES:
                file.create_dataset(f"{name}/kernel", (2**14,) * 2 + (8, 8))
                file.create_dataset(f"{name}/bias", (64,))
    else:
        zeros = np.zeros((2**24,), np.float32)
        names = [f"{n}__{k}" for n in NAMES for k in ("kernel", "bias")]
        np.savez_compressed(path, **dict.fromkeys(names, zeros))
        del zeros
    tracemalloc.reset_peak()
    with pytest.raises(InputError, match="not VGG19 weights.*other shapes"):
        PerceptualLoss(str(path))
    assert tracemalloc.get_traced_memory()[1] < 2**25
    tracemalloc.stop()


def test_weights_of_another_shape_are_refused(npz, tmp_path):
    with np.load(npz) as arrays:
        changed = dict(arrays)
    changed["block2_conv1__kernel"] = changed["block2_conv1__kernel"][..., :8]
    np.savez(tmp_path / "other.npz", **changed)
    with pytest.raises(InputError, match="not VGG19 weights"):
        PerceptualLoss(str(tmp_path / "other.npz"))


def test_failed_download_says_what_to_do_instead_of_training(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(keras.applications, "VGG19", refuse)
    with pytest.raises(InputError, match="--vgg_weights=PATH.*perceptual_we"):
        PerceptualLoss("imagenet")


@pytest.mark.real_data
def test_imagenet_features_prefer_a_small_shift_to_a_blur(real_weights):
    """Features trained on photographs see what L1 does not."""
    rng = np.random.default_rng(0)
    real = np.cumsum(rng.normal(size=(1, 64, 64, 1)), axis=1)
    real = tf.constant(np.tanh(real / 4), tf.float32)
    blurred = tf.nn.avg_pool2d(real, 5, 1, "SAME")
    loss = PerceptualLoss(str(real_weights / "vgg19_imagenet_block1to3.npz"))
    assert loss(real, tf.roll(real, 1, 2)) < loss(real, blurred)
    np.testing.assert_array_equal(loss(real, real), [0])
