"""Translate photographs with a trained generator."""
