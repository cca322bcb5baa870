"""The examination of a machine, line by line."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ffa_keras.methods.options import term_weights
from ffa_keras.training.config import TrainConfig

FORMS: dict[str, dict[str, Any]] = {
    "float32": {"precision": "float32", "jit_compile": False},
    "mixed_bfloat16": {"precision": "mixed_bfloat16", "jit_compile": False},
    "mixed_float16": {"precision": "mixed_float16", "jit_compile": False},
    "xla": {"precision": "float32", "jit_compile": True},
}
_NO_VGG19: dict[str, Any] = {"perceptual_weight": 0.0}


def examine(
    config: TrainConfig,
    patches: int,
    forms: Sequence[str],
    steps: int,
    limit: float,
) -> Iterator[tuple[str, bool]]:
    """Examine this machine; each measurement is a process of its own.

    Args:
        config: settings of the run that is planned; no data are read.
        patches: in an epoch of it.
        forms: of the step, among `FORMS`.
        steps: how many are timed.
        limit: seconds for each measurement.

    Yields:
        A line of text, and whether all is well as far as it goes.
    """
    devices = _measure("devices", config, limit)
    if "failed" in devices:
        yield f"TensorFlow does not start: {devices['failed']}", False
        return
    for name, value in devices["versions"].items():
        yield f"{name}: {value}", True
    yield f"devices seen: {', '.join(devices['seen'])}", True
    missed = devices["missed"]
    yield f"devices not seen: {missed or 'none'}", not missed
    yield _replicas_line(_measure("replicas", config, limit))
    vgg = {}
    if term_weights(config).get("perceptual"):
        vgg = _measure("vgg", config, limit)
        yield f"VGG19: {vgg.get('failed', 'at hand')}", "failed" not in vgg
    if "failed" in vgg:
        config = dataclasses.replace(config, **_NO_VGG19)
        yield "the steps below go without the VGG19 term", True
    size = f"{config.patch_height}x{config.patch_width}"
    yield (
        (
            f"step: {config.method}, {config.num_filters} filters, patches of"
            f" {size}, {config.batch_size} on each device"
        ),
        True,
    )
    for form in forms:
        own = dataclasses.replace(config, **FORMS[form])
        found = _measure("step", own, limit, steps)
        yield _step_line(form, found, own, patches)


def _measure(
    task: str, config: TrainConfig, limit: float, steps: int = 0
) -> dict[str, Any]:
    """Return what a process of its own found, or why it `failed`."""
    order = {"config": dataclasses.asdict(config), "steps": steps}
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "ffa_keras.training.doctor.measure",
                task, json.dumps(order),
            ],
            capture_output=True, text=True, timeout=limit,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than --limit={limit:g} seconds"}
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        return {"failed": f"exit status {done.returncode}: {said[-1][:300]}"}
    return json.loads(done.stdout.splitlines()[-1])


def _replicas_line(found: dict[str, Any]) -> tuple[str, bool]:
    title = "several replicas against one"
    if "failed" in found:
        return f"{title}: failed, {found['failed']}", False
    well = found["difference"] < found["tolerance"]
    return (
        f"{title}: {'the same' if well else 'NOT the same'} weights after"
        f" {found['steps']} steps on {', '.join(found['devices'])} (largest"
        f" difference {found['difference']:.1e} of the largest weight,"
        f" tolerated {found['tolerance']:g})"
    ), well


def _step_line(
    form: str, found: dict[str, Any], config: TrainConfig, patches: int
) -> tuple[str, bool]:
    if "failed" in found:
        # A machine need not have every form.
        return f"  {form}: failed, {found['failed']}", form != "float32"
    total = config.batch_size * found["replicas"]
    seconds = found["seconds"]
    hours = patches // total * config.epochs * seconds / 3600
    memory = f"{found['memory_mb']:.0f} MB of main memory"
    for device, size in found["device_memory_mb"].items():
        memory += f", {size:.0f} MB of {device}"
    return (
        f"  {form}: {seconds:.3g} s a step of {total} patches on"
        f" {found['replicas']} devices (the first {found['first_seconds']:.3g}"
        f" s), {memory}; {hours:.3g} hours for {patches} patches x"
        f" {config.epochs} epochs, without validation"
    ), True
