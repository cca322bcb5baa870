"""Keras layers, generators and discriminators."""
