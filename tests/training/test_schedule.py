"""The learning rate: constant, then linear to zero."""

import numpy as np
import pytest

from ffa_keras.training.schedule import ConstantThenLinear


def test_the_paper_schedule():
    steps = 50  # in an epoch
    schedule = ConstantThenLinear(2e-4, 100 * steps, 100 * steps)
    epochs = np.array([0, 50, 100, 125, 150, 199, 200, 250])
    rates = [float(schedule(epoch * steps)) for epoch in epochs]
    expected = 2e-4 * np.clip((200 - epochs) / 100, 0, 1)
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-12)


def test_without_decay_it_stays_constant():
    schedule = ConstantThenLinear(1e-3, 10, 0)
    assert float(schedule(10_000)) == pytest.approx(1e-3)
