"""Read the next photograph and write the last while one is translated."""

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_Item = TypeVar("_Item")
_Read = TypeVar("_Read")
_Made = TypeVar("_Made")
_Row = TypeVar("_Row")


def overlapped(
    items: Iterable[_Item],
    read: Callable[[_Item], _Read],
    make: Callable[[_Read], _Made],
    write: Callable[[_Made], _Row],
    done: Callable[[_Row], None],
) -> None:
    """Pass items through three stages that work at the same time.

    In order, and in bounded memory: while one item is made, one is read or
    waits for it, and one is written. An exception of a stage ends all. What is
    being written then, be it the keyboard that interrupts, is written and
    counts as done.

    Args:
        items: what there is to do.
        read: the first stage, in a thread of its own.
        make: the second, in the thread of the caller.
        write: the third, in a thread of its own.
        done: called in the caller's thread with what `write` returns.
    """
    waiting = iter(items)
    last: Future[_Row] | None = None
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:

        def read_next() -> list[Future[_Read]]:
            return [
                reader.submit(read, item)
                for item in itertools.islice(waiting, 1)
            ]

        try:
            coming = read_next()
            while coming:
                here = coming.pop().result()
                coming = read_next()
                made = make(here)
                if last:
                    row = last.result()
                    last = None
                    done(row)
                last = writer.submit(write, made)
        finally:
            if last:
                done(last.result())
