"""A model at TensorFlow Serving, and what a user reads when it fails."""

import dataclasses

from ffa_keras.errors import InputError

# The default of gRPC, 4 MB, is less than the answer of a large photograph.
MOST_BYTES = 64 * 2**20
_MOST_LETTERS = 300


@dataclasses.dataclass(frozen=True)
class Server:
    """A model of a server, and how to reach it.

    Its methods return what to raise when it does not answer as it should.

    Attributes:
        address: `http://HOST:PORT`, or with the scheme `grpc`, or with TLS
            `https` or `grpcs`.
        model_name: as the server knows it.
        timeout: seconds to wait.
        ca_certificate: PEM file of who vouches for the server; the usual ones
            if empty.
    """

    address: str
    model_name: str
    timeout: float = 60.0
    ca_certificate: str = ""

    def refused(self, words: str) -> InputError:
        """It refuses, in its own words."""
        words = " ".join(words.split()) or "it gave no reason"
        # TensorFlow wraps the message of an assertion in where it stood.
        words = words.split("assertion failed: [")[-1].split("] [Condition")[0]
        if len(words) > _MOST_LETTERS:
            words = words[:_MOST_LETTERS] + "..."
        return self._error(f"refused: {words}")

    def late(self) -> InputError:
        """The deadline passed."""
        return self._error(
            f"no answer within {self.timeout:g} s; raise --timeout or see"
            " whether the server is busy"
        )

    def absent(self) -> InputError:
        """Nothing listens, or it hangs up."""
        return self._error(
            "no server answers there; start it or check the address"
        )

    def untrusted(self) -> InputError:
        """Nobody vouches for it."""
        return self._error(
            "its certificate is not trusted; give the one that vouches for it"
            " with --ca_certificate"
        )

    def unexpected(self) -> InputError:
        """It answers something else."""
        return self._error(
            "not an answer of this model; check the address and --model_name"
        )

    def _error(self, words: str) -> InputError:
        return InputError(f"--server={self.address}: {words}")
