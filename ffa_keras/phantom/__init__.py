"""Phantom pairs: procedural eyes seen by two cameras, with exact truth."""

from ffa_keras.phantom.pair import PhantomPair, make_pair

__all__ = ["PhantomPair", "make_pair"]
