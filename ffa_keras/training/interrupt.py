"""Stop a run when the system asks for it, without losing a step."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exit_on_signals() -> None:
    """Let SIGTERM and SIGINT end the program in words, with status 75.

    For the seconds in which a program starts and has done nothing yet, and for
    a second signal after the one that `stop_requests` has answered.
    """

    def leave(number: int, frame: Any) -> None:
        os.write(2, b"interrupted: ended at once; go on with --resume\n")
        os._exit(75)

    for number in _SIGNALS:
        signal.signal(number, leave)


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

    def ask(number: int, frame: Any) -> None:
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
