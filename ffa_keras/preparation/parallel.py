"""Spread work over processor cores, and show how long it will take."""

import concurrent.futures
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import cv2
import tqdm

Item = TypeVar("Item")
Result = TypeVar("Result")
# Below this a new process costs more than it saves.
_MIN_ITEMS = 4


def on_all_cores(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    label: str,
    workers: int = 0,
) -> list[Result]:
    """Apply a function to every item, with progress and the time left.

    Args:
        function: importable by name, as other processes must find it.
        items: picklable.
        label: of the progress line, which only a terminal shows.
        workers: processes; 0 for one on each core.

    Returns:
        The results in the order of the items.
    """
    workers = min(workers or _cores(), len(items) // 2)
    with tqdm.tqdm(
        total=len(items), desc=label, unit="pair", disable=None
    ) as bar:
        results = []
        for result in _results(function, items, workers):
            results.append(result)
            bar.update()
    return results


def _results(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int
) -> Iterator[Result]:
    if workers < 2 or len(items) < _MIN_ITEMS:
        yield from map(function, items)
        return
    # A fork would inherit the threads of TensorFlow in an unknown state.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(
        workers, context, initializer=_start_worker
    ) as pool:
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    # Control-C reaches every process; who started them says it in words.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
