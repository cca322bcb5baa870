"""Phantom pairs: procedural eyes seen by two cameras, with exact truth."""

from ffa_keras.phantom.leakage import CATEGORIES
from ffa_keras.phantom.pair import PhantomPair, make_pair

__all__ = ["CATEGORIES", "PhantomPair", "make_pair"]
