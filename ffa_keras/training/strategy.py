"""Devices: which strategy a run trains under."""

import tensorflow as tf

from ffa_keras.errors import InputError


def make_strategy(replicas: int = 0) -> tf.distribute.Strategy:
    """Return a `MirroredStrategy` over all GPUs or over logical CPUs.

    Call it before TensorFlow has used any device.

    Args:
        replicas: number of logical CPU replicas; 0 takes every GPU there is,
            or one CPU where there is none.

    Returns:
        The strategy; `strategy.num_replicas_in_sync` tells its replicas.

    Raises:
        InputError: TensorFlow has already started with another number of
            logical CPUs.
    """
    if not replicas:
        return tf.distribute.MirroredStrategy()
    if len(tf.config.list_logical_devices("CPU")) != replicas:
        raise InputError(
            f"--replicas={replicas}: TensorFlow has already started with"
            " another number of CPU replicas"
        )
    return tf.distribute.MirroredStrategy(
        [f"CPU:{index}" for index in range(replicas)]
    )


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
