"""A page that translates photographs in a browser, opened from the disk."""
