"""The machines that train together, as `TF_CONFIG` names them."""

import contextlib
import dataclasses
import json
import os
import socket
import time
from collections.abc import Callable, Iterator

import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted

VARIABLE = "TF_CONFIG"
# What the others see when a worker goes away in the middle of a step.
WORKER_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.UnavailableError,
)
_JOBS = ("chief", "worker")
# Seconds between two looks, and for an answer.
_PAUSE, _ANSWER = 0.2, 2.0


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The addresses of all workers.

    Attributes:
        own: `host:port` of this worker.
        others: of the others.
    """

    own: str
    others: tuple[str, ...] = ()


def read_cluster() -> Cluster | None:
    """Return the workers that `TF_CONFIG` names; `None` without it.

    Raises:
        InputError: it is damaged, or names other jobs than chief and worker.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        config = json.loads(text)
        jobs, task = config["cluster"], config["task"]
        for job, addresses in jobs.items():
            if job not in _JOBS or not isinstance(addresses, list):
                raise ValueError(job)
            for address in addresses:
                _host_and_port(address)
        if task["index"] not in range(len(jobs[task["type"]])):
            raise ValueError(task)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f'{VARIABLE}={text}: expected {{"cluster": {{"worker":'
            ' ["host:port", ...]}, "task": {"type": "worker", "index": 0}},'
            ' with no other jobs than "chief" and "worker"'
        ) from error
    own = jobs[task["type"]][task["index"]]
    everyone = [address for job in jobs.values() for address in job]
    if len(set(everyone)) < len(everyone):
        raise InputError(f"{VARIABLE}={text}: names an address twice")
    return Cluster(own, tuple(a for a in everyone if a != own))


def wait_for_others(
    cluster: Cluster, patience: float, stop_asked: Callable[[], bool]
) -> None:
    """Wait until every other worker has been reached once.

    TensorFlow waits for them too, but for ever, and deaf to signals.

    Args:
        cluster: the workers.
        patience: seconds to wait at most.
        stop_asked: whether to stop waiting.

    Raises:
        InputError: this worker's own port is taken.
        Interrupted: a worker has not come in time, or a stop was asked for.
    """
    deadline = time.monotonic() + patience
    missing = dict.fromkeys(cluster.others, "")
    with _listening(cluster.own):
        while missing:
            for address in list(missing):
                missing[address] = _why_unreachable(address)
                if stop_asked():
                    raise Interrupted(
                        "while waiting for the other workers; start again"
                    )
            missing = {a: why for a, why in missing.items() if why}
            if missing and time.monotonic() > deadline:
                who = ", ".join(f"{a} ({why})" for a, why in missing.items())
                raise Interrupted(
                    f"{VARIABLE}: no answer within {patience:g} s from {who};"
                    " see that they run and that the addresses are right, then"
                    " start all workers again"
                )
            if missing:
                time.sleep(_PAUSE)


def cause_of_loss(error: tf.errors.OpError) -> str:
    """Return in a line how the loss of a worker was noticed.

    Args:
        error: one of `WORKER_LOST`.
    """
    lines = error.message.splitlines() or [""]
    # After where in the graph it was noticed, which tells nobody anything.
    cause = next((line for line in lines if "aborted by" in line), lines[0])
    return f"{type(error).__name__}, {cause.strip()}"


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    """Let the others see that this worker is there."""
    port = _host_and_port(address)[1]
    both = socket.has_dualstack_ipv6()
    try:
        listener = socket.create_server(
            ("", port),
            family=socket.AF_INET6 if both else socket.AF_INET,
            dualstack_ipv6=both,
        )
    except OSError as error:
        raise InputError(
            f"{VARIABLE}: cannot listen at {address} ({error.strerror});"
            " another program may have the port"
        ) from error
    with listener:
        yield


def _why_unreachable(address: str) -> str:
    """Return why a worker cannot be reached; empty if it can."""
    try:
        socket.create_connection(_host_and_port(address), _ANSWER).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or int(port) not in range(1, 2**16):
        raise ValueError(address)
    return host.strip("[]"), int(port)
