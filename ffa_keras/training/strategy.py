"""Devices: which strategy a run trains under."""

import functools
import json
import os

import tensorflow as tf

from ffa_keras.errors import InputError

_CLUSTER = "TF_CONFIG"


def make_strategy(replicas: int = 0) -> tf.distribute.Strategy:
    """Return the strategy for the devices at hand.

    Call it before TensorFlow has used any device.

    Args:
        replicas: number of logical CPU replicas; 0 takes every GPU there is,
            or one CPU where there is none.

    Returns:
        `MultiWorkerMirroredStrategy` where `TF_CONFIG` names several workers,
        else `MirroredStrategy`; `strategy.num_replicas_in_sync` tells its
        replicas.

    Raises:
        InputError: TensorFlow has already started with another number of
            logical CPUs, `TF_CONFIG` is damaged, or it is combined with
            logical CPUs.
    """
    if _num_workers() > 1:
        if replicas:
            raise InputError(
                f"--replicas={replicas}: not together with {_CLUSTER}; each"
                " worker takes all its GPUs, or its one CPU"
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    if not replicas:
        return _mirrored()
    if len(tf.config.list_logical_devices("CPU")) != replicas:
        raise InputError(
            f"--replicas={replicas}: TensorFlow has already started with"
            " another number of CPU replicas"
        )
    return _mirrored(*(f"CPU:{index}" for index in range(replicas)))


@functools.cache
def _mirrored(*devices: str) -> tf.distribute.MirroredStrategy:
    """Return the one strategy of this process for these devices, or all.

    A second one would number its sums like the first, and TensorFlow would
    take them for the same.
    """
    return tf.distribute.MirroredStrategy(devices or None)


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tell whether this process writes the run folder.

    Args:
        strategy: what `make_strategy` has returned.
    """
    cluster = strategy.cluster_resolver
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return True
    workers = cluster.cluster_spec().as_dict()
    if "chief" in workers:
        return cluster.task_type == "chief"
    return cluster.task_id == 0


def split_cpu(replicas: int) -> None:
    """Split the CPU into logical devices, one a replica.

    Args:
        replicas: their number; 0 leaves the CPU whole.

    Raises:
        InputError: TensorFlow has already started.
    """
    if not replicas:
        return
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * replicas
        )
    except RuntimeError as error:
        raise InputError(
            f"--replicas={replicas}: TensorFlow has already started"
        ) from error


def _num_workers() -> int:
    """Return how many training processes `TF_CONFIG` names; 1 without it."""
    text = os.environ.get(_CLUSTER)
    if not text:
        return 1
    try:
        config = json.loads(text)
        jobs = config["cluster"]
        if not jobs[config["task"]["type"]][config["task"]["index"]]:
            raise ValueError("the task has no address")
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(
            f'{_CLUSTER}={text}: expected {{"cluster": {{"worker":'
            ' ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        ) from error
    return sum(len(jobs.get(job, ())) for job in ("chief", "worker"))
