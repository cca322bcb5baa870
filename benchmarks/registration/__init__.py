"""Registration against known answers."""
