"""What a user reads when a server does not answer as it should."""

from ffa_keras.errors import InputError

# The default of gRPC, 4 MB, is less than the answer of a large photograph.
MOST_BYTES = 64 * 2**20
_MOST_LETTERS = 300


def refused(server: str, words: str) -> InputError:
    """Return what to raise when the server refuses, in its own words."""
    words = " ".join(words.split()) or "it gave no reason"
    # TensorFlow wraps the message of an assertion in where it stood.
    words = words.split("assertion failed: [")[-1].split("] [Condition")[0]
    if len(words) > _MOST_LETTERS:
        words = words[:_MOST_LETTERS] + "..."
    return InputError(f"--server={server}: refused: {words}")


def late(server: str, timeout: float) -> InputError:
    """Return what to raise when the deadline passed."""
    return InputError(
        f"--server={server}: no answer within {timeout:g} s; raise --timeout or"
        " see whether the server is busy"
    )


def absent(server: str) -> InputError:
    """Return what to raise when nothing listens, or hangs up."""
    return InputError(
        f"--server={server}: no server answers there; start it or check the"
        " address"
    )


def untrusted(server: str) -> InputError:
    """Return what to raise when nobody vouches for the server."""
    return InputError(
        f"--server={server}: its certificate is not trusted; give the one that"
        " vouches for it with --ca_certificate"
    )


def unexpected(server: str) -> InputError:
    """Return what to raise when the answer is of something else."""
    return InputError(
        f"--server={server}: not an answer of this model; check the address and"
        " --model_name"
    )
