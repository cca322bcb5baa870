"""Values of an image that are read, computed or stored some rows at a time."""

import contextlib
import itertools
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.ops import from_grey_levels


class Cut(NamedTuple):
    """How large strips are, and which are stored.

    Attributes:
        values: that a layer computes at once, where `fewest_rows` allow.
        fewest_rows: of a strip.
        full_width: of the photograph: what is narrower is stored.
    """

    values: int
    fewest_rows: int
    full_width: int


class Rows(ABC):
    """Values [height, width, channels] that are read some rows at a time.

    Args:
        shape: of the values.
        load: values that the widest layer holds to compute one of the rows.
        cut: how large strips are.
    """

    def __init__(self, shape: tuple[int, int, int], load: float, cut: Cut):
        self.shape, self.load, self.cut = shape, load, cut

    @abstractmethod
    def read(self, start: int, stop: int) -> tf.Tensor:
        """Return rows `start` to `stop`, float32 [1, rows, width, channels]."""

    def strips(self) -> Iterator[tuple[int, int]]:
        """Return where strips start and stop that cover all rows."""
        height = self.shape[0]
        step = max(self.cut.fewest_rows, int(self.cut.values / self.load))
        return itertools.pairwise([*range(0, height, step), height])


class Photograph(Rows):
    """A photograph in grey levels, read as network values.

    Args:
        fundus: uint8 [H, W, 3], RGB.
        cut: how large strips are.
    """

    def __init__(self, fundus: np.ndarray, cut: Cut):
        self._fundus = fundus
        _, width, channels = fundus.shape
        super().__init__(fundus.shape, width * channels, cut)

    def read(self, start: int, stop: int) -> tf.Tensor:
        """Return rows `start` to `stop`, as `Rows` does."""
        return from_grey_levels(self._fundus[None, start:stop])


class Stored(Rows):
    """Values in a temporary file that is gone when nothing reads them.

    Args:
        rows: whose values are stored.

    Raises:
        InputError: the folder for temporary files is full.
    """

    def __init__(self, rows: Rows):
        _, width, channels = rows.shape
        super().__init__(rows.shape, width * channels, rows.cut)
        # A file of the disk: what is mapped or held in memory counts as such.
        with _in_words():
            self._file = tempfile.TemporaryFile()
        weakref.finalize(self, _close, self._file)
        for start, stop in rows.strips():
            self.write(start, rows.read(start, stop))

    def read(self, start: int, stop: int) -> tf.Tensor:
        """Return rows `start` to `stop`, as `Rows` does."""
        values = np.empty((1, stop - start, *self.shape[1:]), np.float32)
        with _in_words():
            self._file.seek(start * values[0, 0].nbytes)
            self._file.readinto(values.data)
        return tf.convert_to_tensor(values)

    def write(self, start: int, values: tf.Tensor) -> None:
        """Write rows.

        Args:
            start: the first of them.
            values: float32 [1, rows, width, channels].
        """
        values = values.numpy()
        with _in_words():
            self._file.seek(start * values[0, 0].nbytes)
            self._file.write(values)
            self._file.flush()


def _close(file: IO[bytes]) -> None:
    """Give back the space of values that nothing reads any more."""
    # What could not be written before cannot be now, and need not be.
    with contextlib.suppress(OSError):
        file.close()


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Say what a temporary file cannot do."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{tempfile.tempdir or 'TMPDIR'}: {error.strerror}; a large"
            " photograph needs space there, or set TMPDIR to another folder"
        ) from error
