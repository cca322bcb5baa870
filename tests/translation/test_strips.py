"""A photograph in strips becomes the picture it becomes as a whole."""

import gc
import tempfile
import warnings

import keras
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.translation import keras_model
from ffa_keras.translation.strips import translate_in_strips
from ffa_keras.translation.whole import translate


@pytest.fixture(scope="module")
def generator():
    """A generator with contrast, whose moments differ across the image."""
    keras.utils.set_random_seed(3)
    return _generator()


def _generator(**options):
    generator = ResnetGenerator(num_filters=6, num_blocks=2, **options)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(5 * weight)
    return generator


@pytest.mark.parametrize(
    "size, rows",
    [((16, 16), 8), ((97, 130), 13), ((201, 64), 8), ((130, 99), 500)],
)
def test_strips_leave_no_trace(generator, size, rows):
    fundus = make_pair(5, "large_focal", 256).fundus
    fundus = np.ascontiguousarray(fundus[: size[0], 60 : 60 + size[1]])
    whole = translate(generator, fundus).astype(int)
    got = translate_in_strips(generator, fundus, 0, rows)
    assert got.shape == (*size, 1)
    assert got.dtype == np.uint8
    assert np.abs(got - whole).max() <= 1
    assert (got != whole).mean() < 0.02


def test_strips_leave_no_trace_without_a_blur_either():
    generator = _generator(upsampling="transposed")
    fundus = make_pair(5, "large_focal", 128).fundus[:97]
    whole = translate(generator, fundus).astype(int)
    got = translate_in_strips(generator, fundus, 0, 13)
    assert np.abs(got - whole).max() <= 1
    assert (got != whole).mean() < 0.02


def test_tiles_that_are_translated_alone_would_show(generator):
    """The reason for strips: the moments of tiles differ."""
    fundus = make_pair(5, "large_focal", 256).fundus
    whole = translate(generator, fundus).astype(int)
    tiles = [translate(generator, fundus[top : top + 64]) for top in (0, 64)]
    assert np.abs(np.concatenate(tiles) - whole[:128]).mean() > 3


@pytest.mark.slow
@pytest.mark.real_data
def test_no_seam_in_an_ultra_widefield_photograph(generator, real_photographs):
    photograph = read_fundus(real_photographs / "pairs_uwf/1_fundus.jpg")
    fundus = np.ascontiguousarray(photograph[1100:1500, 1200:2000])
    whole = translate(generator, fundus).astype(int)
    got = translate_in_strips(generator, fundus, 2**17).astype(int)
    assert np.abs(got - whole).max() <= 1
    # A seam would be an edge between rows that the whole image lacks.
    edges, expected = (
        np.abs(np.diff(image, axis=0)).mean(axis=(1, 2))
        for image in (got, whole)
    )
    assert np.abs(edges - expected).max() < 0.05


def test_the_rows_read_at_once_fit_the_widest_layer(generator, monkeypatch):
    """A strip of the one-channel answer holds all channels before it."""
    largest = []
    convolve = keras.layers.Conv2D.call

    def watched(layer, inputs):
        largest.append(max(np.size(inputs), np.size(convolve(layer, inputs))))
        return convolve(layer, inputs)

    monkeypatch.setattr(keras.layers.Conv2D, "call", watched)
    translate_in_strips(generator, np.zeros((300, 100, 3), np.uint8), 30_000)
    # Padding and the rows above and below: half as much again.
    assert max(largest) < 1.5 * 30_000


def test_temporary_files_are_closed_and_not_left_to_be_found(generator):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResourceWarning)
        translate_in_strips(generator, np.zeros((64, 64, 3), np.uint8))
        gc.collect()
    assert not [str(w.message) for w in said]


def test_a_full_disk_is_told_in_words(generator, monkeypatch):
    monkeypatch.setattr(
        tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b")
    )
    with pytest.raises(InputError, match="No space left.*set TMPDIR"):
        translate_in_strips(generator, np.zeros((64, 64, 3), np.uint8))


def test_a_folder_for_temporary_files_that_is_gone_is_told_in_words(
    generator, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(InputError, match="gone: No such file.*set TMPDIR"):
        translate_in_strips(generator, np.zeros((64, 64, 3), np.uint8))


class Attention(keras.layers.ReLU):
    """Sees the whole image: no strip could tell what it answers."""

    def call(self, inputs):
        return inputs - keras.ops.mean(inputs, axis=(1, 2), keepdims=True)


def test_a_layer_that_strips_do_not_know_is_refused_by_name():
    """Not taken for one that works pixel by pixel, nor for its parent."""
    generator = ResnetGenerator(num_filters=4, num_blocks=1)
    generator.network.add(Attention(name="attention"))
    generator.build((None, None, None, 3))
    fundus = np.zeros((64, 64, 3), np.uint8)
    assert translate(generator, fundus).shape == (64, 64, 1)
    with pytest.raises(TypeError, match="attention: .* Attention reads"):
        translate_in_strips(generator, fundus)


def test_a_generator_of_mixed_precision_goes_in_strips(generator):
    """As it is validated while it trains, in halves of floats."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = ResnetGenerator.from_config(generator.get_config())
        mixed.build((None, None, None, 3))
    finally:
        keras.config.set_dtype_policy("float32")
    mixed.set_weights(generator.get_weights())
    fundus = make_pair(5, "large_focal", 128).fundus
    whole = translate(mixed, fundus).astype(int)
    difference = np.abs(translate_in_strips(mixed, fundus, 0) - whole)
    assert difference.mean() < 1
    assert difference.mean() < np.abs(whole - whole.mean()).mean() / 20


def test_the_stages_are_the_generator(generator):
    """Run one after the other they answer what it answers."""

    def run(stages, x):
        for stage in stages:
            x = x + run(stage.branch, x) if stage.branch else stage(x)
        return x

    x = np.random.default_rng(0).uniform(-1, 1, (1, 32, 40, 3))
    x = x.astype(np.float32)
    np.testing.assert_array_equal(run(generator.stages(), x), generator(x))


def test_large_photographs_go_in_strips(generator, monkeypatch):
    asked = []

    def in_strips(generator, fundus):
        asked.append(fundus.shape)

    monkeypatch.setattr(keras_model, "translate_in_strips", in_strips)
    translator = keras_model.translator_of(generator)
    translator(np.zeros((1449, 1448, 3), np.uint8))
    assert asked == [(1449, 1448, 3)]


def test_below_full_resolution_nothing_is_convolved_twice(
    generator, monkeypatch
):
    """At full resolution twice: for the moments, and for the next layer."""
    convolve, rows = keras.layers.Conv2D.call, {}

    def counted(layer, inputs):
        answer = convolve(layer, inputs)
        rows[layer.name] = rows.get(layer.name, 0) + answer.shape[1]
        return answer

    monkeypatch.setattr(keras.layers.Conv2D, "call", counted)
    translate_in_strips(generator, np.zeros((320, 96, 3), np.uint8), 0, 40)
    first, *inner, last = rows.values()
    assert inner == [160, 80, *(4 * [80])]
    assert 2 * 320 <= first < 2.5 * 320
    assert last == 320
