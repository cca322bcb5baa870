"""The four terms of the training loss."""
