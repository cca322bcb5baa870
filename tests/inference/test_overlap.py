"""Reading, translating and writing go on at the same time, in order."""

import threading
import time

import numpy as np
import pytest

from ffa_keras.images.checks import quiet_decoders, say
from ffa_keras.inference.overlap import overlapped

_LONG = 20


def test_every_item_passes_all_stages_in_order():
    rows = []
    overlapped(
        range(5), lambda n: n + 10, lambda n: 2 * n, lambda n: n + 1,
        rows.append,
    )  # fmt: skip
    assert rows == [21, 23, 25, 27, 29]
    overlapped([], lambda n: n, lambda n: n, lambda n: n, rows.append)
    assert len(rows) == 5


def test_the_next_is_read_and_the_last_written_meanwhile():
    """Each stage waits for one that can only come if it does not wait."""
    read, written = threading.Event(), threading.Event()

    def make(n):
        if n == 1:
            assert read.wait(_LONG), "2 is not read while 1 is made"
            assert written.wait(_LONG), "0 is not written while 1 is made"
        return n

    def told(event, number):
        def stage(n):
            if n == number:
                event.set()
            return n

        return stage

    overlapped(range(3), told(read, 2), make, told(written, 0), lambda _: None)


def test_few_items_are_under_way_however_slow_the_writer():
    under_way, most = set(), []

    def read(n):
        under_way.add(n)
        most.append(len(under_way))
        return n

    def write(n):
        time.sleep(0.01)
        return n

    overlapped(range(12), read, lambda n: n, write, under_way.discard)
    # Written, made and waiting for the writer, read ahead.
    assert max(most) <= 3


@pytest.mark.parametrize("stage", range(3))
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_is_being_written_counts_when_a_stage_stops_all(stage, error):
    rows, written = [], []
    stopped = threading.Event()

    def stopping(number, then):
        def run(n):
            if stage == number and n == 2:
                stopped.set()
                raise error
            return then(n)

        return run

    def write(n):
        # Photograph 1 is on its way to the disk as all stops.
        if n == 1:
            stopped.wait(0.2)
        written.append(n)
        return n

    with pytest.raises(error):
        overlapped(
            range(9), stopping(0, int), stopping(1, int), stopping(2, write),
            rows.append,
        )  # fmt: skip
    assert rows == written == [0, 1]


def test_words_are_heard_while_another_thread_decodes(capfd):
    """Decoders have standard error to themselves meanwhile."""
    decoding, end = threading.Event(), threading.Event()

    def decode():
        with quiet_decoders():
            decoding.set()
            end.wait(0.2)
        return np.zeros(1)

    thread = threading.Thread(target=decode)
    thread.start()
    assert decoding.wait(_LONG)
    say("skipped eye.png")
    end.set()
    thread.join()
    assert capfd.readouterr().err == "skipped eye.png\n"
