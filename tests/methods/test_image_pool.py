"""The pool of generated images: fills up, then exchanges every second one."""

import numpy as np
import tensorflow as tf

from ffa_keras.methods.image_pool import ImagePool


def _image(value):
    return tf.fill([1, 2, 3, 1], float(value))


def _answers(pool, values):
    ask = tf.function(pool)
    return [float(ask(_image(value))[0, 0, 0, 0]) for value in values]


def test_it_answers_with_what_it_is_given_until_it_is_full():
    pool = ImagePool(5, (2, 3, 1), seed=0)
    assert _answers(pool, range(1, 6)) == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(pool.kept[:, 0, 0, 0], [1, 2, 3, 4, 5])


def test_then_it_answers_with_an_older_one_half_of_the_time():
    pool = ImagePool(4, (2, 3, 1), seed=1)
    values = range(1, 205)
    answers = _answers(pool, values)
    older = [a != v for a, v in zip(answers, values, strict=True)][4:]
    # 200 throws of a fair coin: 100 +- 5 standard deviations.
    assert 65 < sum(older) < 135
    assert all(a <= v for a, v in zip(answers, values, strict=True))


def test_an_older_one_leaves_the_pool_and_the_new_one_takes_its_place():
    pool = ImagePool(3, (2, 3, 1), seed=2)
    _answers(pool, range(1, 4))
    kept = {1.0, 2.0, 3.0}
    for value in range(4, 40):
        answer = _answers(pool, [value])[0]
        if answer != value:
            kept = (kept - {answer}) | {float(value)}
        assert set(pool.kept[:, 0, 0, 0].numpy().tolist()) == kept


def test_every_place_is_exchanged_sooner_or_later():
    pool = ImagePool(4, (2, 3, 1), seed=3)
    _answers(pool, range(1, 80))
    assert float(tf.reduce_min(pool.kept)) > 4


def test_the_images_of_a_batch_go_in_one_after_the_other():
    one = ImagePool(3, (2, 3, 1), seed=4)
    alone = _answers(one, range(1, 13))
    many = ImagePool(3, (2, 3, 1), seed=4)
    together = []
    for start in range(1, 13, 4):
        batch = tf.concat([_image(v) for v in range(start, start + 4)], 0)
        together += many(batch)[:, 0, 0, 0].numpy().tolist()
    assert alone == together


def test_the_choices_follow_from_the_seed():
    runs = [
        _answers(ImagePool(3, (2, 3, 1), seed), range(1, 30))
        for seed in (5, 5, 6)
    ]
    assert runs[0] == runs[1] != runs[2]
