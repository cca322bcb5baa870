"""The former names of what moved, for one release."""
