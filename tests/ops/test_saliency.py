"""The saliency map of a picture, whatever its size."""

import logging

import cv2
import numpy as np
import tensorflow as tf

from ffa_keras.ops import picture_saliency, saliency_map
from ffa_keras.phantom import make_pair


def test_it_is_the_papers_equation():
    ffa = make_pair(3, "large_focal", 256).ffa[:150, :170]
    blurred = cv2.GaussianBlur(np.float32(ffa[..., 0]), (7, 7), 1.4)
    frame = cv2.copyMakeBorder(ffa, 25, 25, 25, 25, cv2.BORDER_REPLICATE)
    median = cv2.medianBlur(frame, 51)[25:-25, 25:-25]
    expected = (blurred - median)[5:-5, 5:-5]
    got = picture_saliency(ffa)
    assert got.shape == (150, 170, 1)
    assert got.dtype == np.float32
    assert expected.max() > 20
    assert np.abs(got[5:-5, 5:-5, 0] - expected).max() < 1


def test_strips_leave_no_trace():
    ffa = make_pair(3, "large_focal", 256).ffa[:150, :170]
    whole = saliency_map(ffa[None])[0].numpy()
    strips = picture_saliency(ffa, at_once=40 * 170)
    np.testing.assert_allclose(strips, whole, atol=1e-4)


def test_many_sizes_draw_no_warning_of_tensorflow():
    """It warned of what is traced again and again, on the user's terminal."""
    warned = []
    handler = logging.Handler()
    handler.emit = warned.append
    tf.get_logger().addHandler(handler)
    for side in range(8, 14):
        assert picture_saliency(np.zeros((side, 9, 1), np.uint8)).shape[0]
    tf.get_logger().removeHandler(handler)
    assert not warned
