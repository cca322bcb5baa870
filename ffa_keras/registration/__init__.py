"""Align a fundus photograph with the FFA of the same eye."""
