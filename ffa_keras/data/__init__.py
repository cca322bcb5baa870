"""From image files to batches of patches."""
