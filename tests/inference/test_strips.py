"""A photograph in strips becomes the picture it becomes as a whole."""

from pathlib import Path

import keras
import numpy as np
import pytest

from ffa_keras.data.images import read_fundus
from ffa_keras.data.phantom import make_pair
from ffa_keras.errors import InputError
from ffa_keras.inference import strips
from ffa_keras.inference.strips import translate_in_strips
from ffa_keras.inference.translators import load_translator
from ffa_keras.models import ResnetGenerator
from ffa_keras.translate import translate

DATA = Path(__file__).parents[3] / "shared/data"
UWF = DATA / "pairs_uwf/1_fundus.jpg"


@pytest.fixture(scope="module")
def generator():
    """A generator with contrast, whose moments differ across the image."""
    keras.utils.set_random_seed(3)
    generator = ResnetGenerator(num_filters=6, num_blocks=2)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(5 * weight)
    return generator


@pytest.mark.parametrize(
    "size, rows",
    [((16, 16), 8), ((97, 130), 13), ((201, 64), 8), ((130, 99), 500)],
)
def test_strips_leave_no_trace(generator, monkeypatch, size, rows):
    monkeypatch.setattr(strips, "_STRIP_VALUES", 0)
    monkeypatch.setattr(strips, "_FEWEST_ROWS", rows)
    fundus = make_pair(5, "large_focal", 256).fundus
    fundus = np.ascontiguousarray(fundus[: size[0], 60 : 60 + size[1]])
    whole = translate(generator, fundus).astype(int)
    got = translate_in_strips(generator, fundus)
    assert got.shape == (*size, 1)
    assert got.dtype == np.uint8
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
@pytest.mark.skipif(not UWF.exists(), reason="../shared/data is absent")
def test_no_seam_in_an_ultra_widefield_photograph(generator, monkeypatch):
    monkeypatch.setattr(strips, "_STRIP_VALUES", 2**17)
    fundus = np.ascontiguousarray(read_fundus(UWF)[1100:1500, 1200:2000])
    whole = translate(generator, fundus).astype(int)
    got = translate_in_strips(generator, fundus).astype(int)
    assert np.abs(got - whole).max() <= 1
    # A seam would be an edge between rows that the whole image lacks.
    edges, expected = (
        np.abs(np.diff(image, axis=0)).mean(axis=(1, 2))
        for image in (got, whole)
    )
    assert np.abs(edges - expected).max() < 0.05


def test_the_rows_read_at_once_fit_the_widest_layer(generator, monkeypatch):
    """A strip of the one-channel answer holds all channels before it."""
    monkeypatch.setattr(strips, "_STRIP_VALUES", 30_000)
    largest = []
    convolve = keras.layers.Conv2D.call

    def watched(layer, inputs):
        largest.append(max(np.size(inputs), np.size(convolve(layer, inputs))))
        return convolve(layer, inputs)

    monkeypatch.setattr(keras.layers.Conv2D, "call", watched)
    translate_in_strips(generator, np.zeros((300, 100, 3), np.uint8))
    # Padding and the rows above and below: half as much again.
    assert max(largest) < 1.5 * 30_000


def test_a_full_disk_is_told_in_words(generator, monkeypatch):
    monkeypatch.setattr(
        strips.tempfile, "TemporaryFile", lambda: open("/dev/full", "w+b")
    )
    with pytest.raises(InputError, match="No space left.*set TMPDIR"):
        translate_in_strips(generator, np.zeros((64, 64, 3), np.uint8))


def test_large_photographs_go_in_strips(generator, monkeypatch, tmp_path):
    from ffa_keras.inference import translators

    generator.save(tmp_path / "generator.keras")
    translator = load_translator(tmp_path / "generator.keras")
    asked = []
    monkeypatch.setattr(
        translators,
        "translate_in_strips",
        lambda _, fundus: asked.append(fundus.shape),
    )
    translator(np.zeros((1449, 1448, 3), np.uint8))
    assert asked == [(1449, 1448, 3)]
