"""From a clinic's files to aligned pairs: NumPy and OpenCV only."""
