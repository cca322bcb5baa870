"""The one exception for mistakes that the user can mend."""


class InputError(ValueError):
    """Bad input: the message names the file or flag and says how to mend it.

    Command-line programs print the message as a single line and exit with a
    non-zero status; no traceback is shown.
    """
