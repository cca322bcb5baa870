"""Devices: which strategy a run trains under."""

import functools
from collections.abc import Callable

import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.training.cluster import VARIABLE, read_cluster, wait_for_others
from ffa_keras.training.config import PATIENCE
from ffa_keras.training.devices import take_memory_as_needed


def make_strategy(
    replicas: int = 0,
    patience: float = PATIENCE,
    stop_asked: Callable[[], bool] = lambda: False,
) -> tf.distribute.Strategy:
    """Return the strategy for the devices at hand.

    Call it before TensorFlow has used any device.

    Args:
        replicas: number of logical CPU replicas; 0 takes every GPU there is,
            or one CPU where there is none.
        patience: seconds to wait for the other workers, where there are some.
        stop_asked: whether to stop waiting.

    Returns:
        `MultiWorkerMirroredStrategy` where `TF_CONFIG` names several workers,
        else `MirroredStrategy`; `strategy.num_replicas_in_sync` tells its
        replicas.

    Raises:
        InputError: TensorFlow has already started with another number of
            logical CPUs, `TF_CONFIG` is damaged, or it is combined with
            logical CPUs.
        Interrupted: a worker has not come in time, or a stop was asked for.
    """
    take_memory_as_needed()
    cluster = read_cluster()
    if cluster and cluster.others:
        if replicas:
            raise InputError(
                f"--replicas={replicas}: not together with {VARIABLE}; each"
                " worker takes all its GPUs, or its one CPU"
            )
        wait_for_others(cluster, patience, stop_asked)
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
    return bool(strategy.extended.should_checkpoint)


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
