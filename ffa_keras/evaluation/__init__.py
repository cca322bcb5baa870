"""Judge a trained generator on held-out eyes."""
