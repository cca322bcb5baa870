"""What was computed of the same arrays a moment ago is not computed again.

The real FFA is a row of every table, and pictures are drawn of what was judged:
each asks for the leaks of an image that has been searched already.
"""

import collections
import functools
import hashlib
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

P = ParamSpec("P")
T = TypeVar("T")


def remembered(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Make a function remember its latest results, whoever asks.

    Args:
        most: how many; older ones are forgotten.

    Returns:
        A decorator of functions of arrays and numbers whose results nobody
        changes.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        kept: collections.OrderedDict[bytes, T] = collections.OrderedDict()
        lock = threading.Lock()

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            key = _digest((*args, *sorted(kwargs.items())))
            with lock:
                if key in kept:
                    kept.move_to_end(key)
                    return kept[key]
            # Two threads may compute the same: better than one that waits.
            result = function(*args, **kwargs)
            with lock:
                kept[key] = result
                while len(kept) > most:
                    kept.popitem(last=False)
            return result

        return call

    return decorate


def _digest(arguments: tuple[Any, ...]) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for argument in arguments:
        if isinstance(argument, np.ndarray):
            digest.update(f"{argument.shape} {argument.dtype}".encode())
            digest.update(np.ascontiguousarray(argument).data)
        else:
            digest.update(repr(argument).encode())
    return digest.digest()
