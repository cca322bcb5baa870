"""Configuration, run folder and training loop."""
