"""What registration is compared with, where it is installed."""

import pytest

from benchmarks.registration import trial
from ffa_keras.errors import InputError


def test_a_rival_that_is_not_installed_is_left_out_or_refused(monkeypatch):
    monkeypatch.setattr(trial, "PACKAGES", {"mutual information": "no_such"})
    assert "mutual information" not in trial.contenders("")
    assert list(trial.contenders("vessel")) == ["vessel"]
    with pytest.raises(InputError, match="--method=mutual.*needs no_such"):
        trial.contenders("mutual information")
