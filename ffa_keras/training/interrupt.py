"""Stop a run when the system asks for it, without losing a step."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Turn SIGTERM and SIGINT into a question the training loop can ask.

    The first signal asks for a stop after the step under way; a second one
    acts as it would have without this.

    Yields:
        Function that tells whether a stop has been asked for.
    """
    asked = False
    before: dict[int, Any] = {}

    def ask(number, frame):
        nonlocal asked
        asked = True
        signal.signal(number, before[number])

    for number in _SIGNALS:
        before[number] = signal.signal(number, ask)
    try:
        yield lambda: asked
    finally:
        for caught, handler in before.items():
            signal.signal(caught, handler)
