"""Answers averaged over the eight positions of a photograph."""

import numpy as np
import pytest

from ffa_keras.translation.flips import over_flips


@pytest.fixture
def fundus():
    values = np.random.default_rng(0).integers(0, 256, (18, 24, 3))
    return values.astype(np.uint8)


def _green(fundus):
    return fundus[..., 1:2]


def test_what_does_not_mind_its_position_is_left_as_it_is(fundus):
    np.testing.assert_array_equal(over_flips(_green)(fundus), _green(fundus))


def test_the_answer_turns_and_flips_with_the_photograph(fundus):
    """Also of what answers by place: here brighter to the right."""

    def slanted(picture):
        ramp = np.arange(picture.shape[1])[None, :, None]
        return (_green(picture) // 2 + ramp).astype(np.uint8)

    averaged = over_flips(slanted)
    answer = averaged(fundus)
    assert answer.shape == (18, 24, 1) and answer.dtype == np.uint8
    for turned in (fundus[:, ::-1], np.rot90(fundus), fundus.swapaxes(0, 1)):
        back = averaged(np.ascontiguousarray(turned))
        # The same values in another order.
        assert sorted(back.ravel()) == sorted(answer.ravel())
    np.testing.assert_array_equal(
        averaged(np.ascontiguousarray(fundus[::-1])), answer[::-1]
    )


def test_noise_of_single_answers_is_averaged(fundus):
    rng = np.random.default_rng(1)

    def noisy(picture):
        noise = rng.normal(0, 20, (*picture.shape[:2], 1))
        return (128 + noise).round().clip(0, 255).astype(np.uint8)

    assert over_flips(noisy)(fundus).std() < 0.5 * noisy(fundus).std()
