"""A second real FFA of an eye: what no generator can be asked to beat."""

import cv2
import numpy as np
import pytest

from ffa_keras.evaluation.baselines import REAL, SECOND
from ffa_keras.evaluation.eyes import HeldOut
from ffa_keras.evaluation.judging import Judge
from ffa_keras.evaluation.measures import Eye
from ffa_keras.evaluation.measures.pixels import PIXELS
from ffa_keras.evaluation.second import others_in, second_of, with_second
from ffa_keras.images.files import encode_png
from ffa_keras.phantom import make_pair
from ffa_keras.registration.retina import field_of_view

SIZE = 256


def _held(seed, eye_id, pair):
    drawn = make_pair(seed, "normal", SIZE, matrix=np.eye(3))
    inside = field_of_view(drawn.ffa[..., 0])[..., None]
    eye = Eye(drawn.fundus, drawn.ffa, inside)
    return HeldOut(pair, "p", "normal", eye, eye_id=eye_id)


def _retaken(ffa, shift=9, turn=4):
    """The same eye a little later: turned, moved, darker and noisy."""
    matrix = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), turn, 1)
    matrix[0, 2] += shift
    moved = cv2.warpAffine(ffa, matrix, (SIZE, SIZE))
    noise = np.random.default_rng(0).normal(0, 3, moved.shape)
    field = field_of_view(moved)
    later = np.where(field, 0.8 * moved + noise, 0)
    return np.clip(later, 0, 255).astype(np.uint8)[..., None]


@pytest.fixture(scope="module")
def held():
    return _held(0, "e", "aaaaaaaa")


def test_it_is_brought_onto_the_eyes_own(held):
    real, inside = held.eye.real, held.eye.mask
    second = second_of(held.eye, [_retaken(real)])
    assert second.shape == real.shape
    alike = np.corrcoef(second[inside], real[inside])[0, 1]
    before = np.corrcoef(_retaken(real)[inside], real[inside])[0, 1]
    assert alike > 0.9 > before


def test_the_same_image_another_eye_or_a_corner_is_none(held):
    real = held.eye.real
    slightly_changed = real.copy()
    slightly_changed[:20] = 0
    another = _held(1, "f", "bbbbbbbb").eye.real
    corner = _retaken(real, shift=110, turn=0)
    for other in (real, slightly_changed, another, corner):
        assert second_of(held.eye, [other]) is None
    assert second_of(held.eye, [real, _retaken(real)]) is not None


class Records:
    """As much of a prepared dataset as is asked for."""

    def __init__(self, *held):
        self.held = held

    def records(self, split, features, decode=True):
        for one in self.held:
            yield {
                "pair": f"{one.pair:0<32}".encode(),
                "eye": one.eye_id.encode(),
                "ffa": encode_png(one.eye.real),
            }


def test_eyes_of_a_dataset_that_have_two_have_a_row_and_others_no_number(held):
    lone = _held(1, "f", "bbbbbbbb")
    again = HeldOut(
        "cccccccc",
        "p",
        "normal",
        Eye(held.eye.fundus, _retaken(held.eye.real), held.eye.mask),
        eye_id="e",
    )
    eyes = [lone, held, again]
    judge = Judge(
        with_second(eyes, others_in(Records(*eyes), "test")), {}, (PIXELS,)
    )
    list(judge.cases())
    assert list(judge.images) == [SECOND, REAL]
    psnr = [image.scores["psnr_valid"] for image in judge.images[SECOND]]
    assert np.isnan(psnr[0]) and np.isfinite(psnr[1:]).all()
    assert [i.pair for i in judge.images[SECOND]] == [e.pair for e in eyes]


def test_without_eyes_that_have_two_there_is_no_row(held):
    lone = _held(1, "f", "bbbbbbbb")
    assert others_in(Records(held, lone), "test") is None
    assert [*with_second([held], None)] == [held]
    # Two angiograms that do not register are as good as none.
    other = _held(1, "e", "bbbbbbbb")
    others = others_in(Records(held, other), "test")
    judge = Judge(with_second([held, other], others), {}, (PIXELS,))
    list(judge.cases())
    assert list(judge.images) == [REAL]
