"""Translate colour fundus photographs into late fluorescein angiograms."""

__version__ = "0.1.0"
