"""Quiet TensorFlow, and a tiny prepared dataset for the tests that train."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
