"""The train_step of each system, by name."""
