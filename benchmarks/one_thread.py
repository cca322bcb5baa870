"""On import, before NumPy is: one thread for all that benchmarks time."""

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2  # noqa: E402

cv2.setNumThreads(1)
