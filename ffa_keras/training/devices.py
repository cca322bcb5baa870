"""The devices of this machine: seen by TensorFlow, and missed by it."""

import contextlib
import os
import shutil
from pathlib import Path

import tensorflow as tf

_HIDE = "CUDA_VISIBLE_DEVICES"


def device_names(kind: str | None = None) -> list[str]:
    """Return the devices that TensorFlow sees, by model where it is known.

    Args:
        kind: `"CPU"` or `"GPU"`; all if not given.
    """
    return [
        tf.config.experimental.get_device_details(device).get(
            "device_name", device.name.removeprefix("/physical_device:")
        )
        for device in tf.config.list_physical_devices(kind)
    ]


def gpus_missed(nodes: Path = Path("/dev")) -> str:
    """Return a line if this machine has a GPU that TensorFlow does not see.

    Args:
        nodes: folder where the driver shows the GPUs, as nvidia0 and so on.

    Returns:
        What is there, why it may not be seen, and the cure; empty if a GPU is
        seen, none is there, or `CUDA_VISIBLE_DEVICES` hides all.
    """
    hidden = os.environ.get(_HIDE)
    if tf.config.list_physical_devices("GPU") or hidden in ("", "-1"):
        return ""
    signs = [str(path) for path in sorted(nodes.glob("nvidia[0-9]*"))]
    if not signs and shutil.which("nvidia-smi"):
        signs = ["nvidia-smi"]
    if not signs:
        return ""
    if tf.test.is_built_with_cuda():
        cure = (
            "install its libraries with pip install 'tensorflow[and-cuda]',"
            " and see that nvidia-smi lists the GPU"
        )
    else:
        cure = "this TensorFlow is built without CUDA; install one that has it"
    return (
        f"there is a GPU ({', '.join(signs)}) that TensorFlow does not see:"
        f" {cure}"
    )


def take_memory_as_needed() -> None:
    """Let TensorFlow leave to others what it does not need of a GPU's memory.

    Without effect once TensorFlow has started.
    """
    with contextlib.suppress(RuntimeError):
        for device in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(device, True)


def describe(strategy: tf.distribute.Strategy, batch_size: int) -> str:
    """Return a line that says on what a run trains.

    Args:
        strategy: its devices.
        batch_size: patches a step on each.
    """
    count = strategy.num_replicas_in_sync
    local = [
        tf.DeviceSpec.from_string(device)
        for device in strategy.extended.worker_devices
    ]
    names = ", ".join(f"{d.device_type}:{d.device_index}" for d in local)
    if local[0].device_type == "GPU":
        names += f" ({', '.join(sorted(set(device_names('GPU'))))})"
    if count > len(local):
        names += f" here, {count - len(local)} on other machines"
    patches = count * batch_size
    return (
        f"training on {count} device{'s' * (count > 1)}: {names};"
        f" {patches} patch{'es' * (patches > 1)} a step"
    )
