"""What ends a program with a line of words in the place of a traceback."""


class InputError(ValueError):
    """Bad input: the message names the file or flag and says how to mend it.

    Command-line programs print the message as a single line and exit with
    status 2; no traceback is shown.
    """


class Interrupted(RuntimeError):
    """A run stopped before its end, and can be resumed.

    Command-line programs print the message as a single line and exit with
    status 75, "temporary failure" in `sysexits.h`.
    """
