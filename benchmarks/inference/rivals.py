"""A ResNet generator rebuilt for other runtimes, with the same weights.

Neither PyTorch nor ONNX is part of the project; these builders serve its
benchmarks only. The weights travel in a plan: a list of steps as
`("conv", kernel, bias, stride)`, which needs no TensorFlow to be read. H and W
of a photograph must be multiples of 4.
"""

from __future__ import annotations

import functools
import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ffa_keras.models.resnet import ResnetGenerator, Stage
    from ffa_keras.translation.answers import Translator

Plan = list[tuple]

# Of the matrix product that shows what a processor can do.
_MATMUL_SIDE = 2048
MATMUL_OPERATIONS = 2.0 * _MATMUL_SIDE**3


def write_plan(generator: ResnetGenerator, path: Path) -> Path:
    """Write the steps of a Keras `ResnetGenerator` to a file."""
    path.write_bytes(pickle.dumps(_plan(generator.stages())))
    return path


def _plan(stages: tuple[Stage, ...]) -> Plan:
    steps: Plan = []
    for stage in stages:
        layer, name = stage.layer, type(stage.layer).__name__
        if stage.padding:
            steps.append(("pad", stage.padding.padding))
        if stage.branch:
            steps.append(("block", _plan(stage.branch)))
        elif name == "InstanceNormalization":
            norm = layer.gamma.numpy(), layer.beta.numpy(), layer.epsilon
            steps.append(("norm", *norm))
        elif name == "SmoothConv2DTranspose":
            kernel = layer.kernel.numpy().transpose(3, 2, 0, 1)
            steps.append(("upsample", kernel))
        elif name == "Conv2D":
            kernel = layer.kernel.numpy().transpose(3, 2, 0, 1)
            bias = layer.bias.numpy() if layer.use_bias else None
            steps.append(("conv", kernel, bias, layer.strides[0]))
        else:
            steps.append(({"ReLU": "relu", "Activation": "tanh"}[name],))
    return steps


def _batch(fundus: np.ndarray) -> np.ndarray:
    batch = fundus.transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(batch)


def _picture(ffa: np.ndarray) -> np.ndarray:
    grey = np.clip((ffa[0] + 1) * 127.5, 0, 255)
    return np.rint(grey).astype(np.uint8).transpose(1, 2, 0)


def load_torch(
    path: Path, compiled: bool, bfloat16: bool = False
) -> Translator:
    """Return PyTorch's translator of a plan, eager or compiled."""
    import torch
    from torch.nn import functional

    dtype = torch.bfloat16 if bfloat16 else torch.float32

    def tensors(steps: Plan) -> Plan:
        return [
            tuple(
                torch.from_numpy(np.ascontiguousarray(x)).to(dtype)
                if isinstance(x, np.ndarray)
                else tensors(x) if isinstance(x, list) else x
                for x in step
            )
            for step in steps
        ]  # fmt: skip

    def run(steps: Plan, x: torch.Tensor) -> torch.Tensor:
        for kind, *values in steps:
            if kind == "pad":
                x = functional.pad(x, values * 4, "reflect")
            elif kind == "conv":
                x = functional.conv2d(x, values[0], values[1], values[2])
            elif kind == "norm":
                gamma, beta, epsilon = values
                x = functional.instance_norm(
                    x, weight=gamma, bias=beta, eps=epsilon
                )
            elif kind == "upsample":
                x = functional.conv_transpose2d(x, values[0], stride=2)
                # Symmetric: the border is repeated.
                x = functional.pad(x[..., :-1, :-1], (1,) * 4, "replicate")
                x = functional.avg_pool2d(functional.avg_pool2d(x, 2, 1), 2, 1)
            elif kind == "block":
                x = x + run(values[0], x)
            else:
                x = torch.relu(x) if kind == "relu" else torch.tanh(x)
        return x

    steps = tensors(pickle.loads(path.read_bytes()))
    network = torch.compile(run) if compiled else run

    def translate(fundus: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batch = torch.from_numpy(_batch(fundus)).to(dtype)
            ffa = network(steps, batch).float()
        return _picture(ffa.numpy())

    return translate


def write_onnx(plan: Path, path: Path) -> Path:
    """Write a plan as an ONNX graph."""
    import onnx
    from onnx import helper, numpy_helper

    nodes: list = []
    weights: list = []

    def add(kind: str, inputs: list[str], **attributes: object) -> str:
        name = f"x{len(nodes)}"
        nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(values: np.ndarray) -> str:
        name = f"w{len(weights)}"
        values = np.ascontiguousarray(values)
        weights.append(numpy_helper.from_array(values, name))
        return name

    def pad(x: str, pixels: int, mode: str) -> str:
        sides = constant(np.array([0, 0, pixels, pixels] * 2, np.int64))
        return add("Pad", [x, sides], mode=mode)

    def run(steps: Plan, x: str) -> str:
        for kind, *values in steps:
            if kind == "pad":
                x = pad(x, values[0], "reflect")
            elif kind == "conv":
                inputs = [constant(v) for v in values[:2] if v is not None]
                x = add("Conv", [x, *inputs], strides=[values[2]] * 2)
            elif kind == "norm":
                inputs = [constant(v) for v in values[:2]]
                x = add(
                    "InstanceNormalization", [x, *inputs], epsilon=values[2]
                )
            elif kind == "upsample":
                kernel = constant(values[0])
                x = add(
                    "ConvTranspose", [x, kernel], strides=[2, 2],
                    pads=[0, 0, 1, 1],
                )  # fmt: skip
                x = pad(x, 1, "edge")
                for _ in range(2):
                    x = add("AveragePool", [x], kernel_shape=[2, 2])
            elif kind == "block":
                x = add("Add", [x, run(values[0], x)])
            else:
                x = add({"relu": "Relu", "tanh": "Tanh"}[kind], [x])
        return x

    last = run(pickle.loads(plan.read_bytes()), "fundus")
    nodes[-1].output[0] = "ffa" if last == nodes[-1].output[0] else last
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "generator",
        [helper.make_tensor_value_info("fundus", kind, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("ffa", kind, [1, 1, "H", "W"])],
        weights,
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def load_onnx(path: Path) -> Translator:
    """Return ONNX Runtime's translator of a graph."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )

    def translate(fundus: np.ndarray) -> np.ndarray:
        return _picture(session.run(["ffa"], {"fundus": _batch(fundus)})[0])

    return translate


def load_openvino(path: Path, bfloat16: bool = False) -> Translator:
    """Return OpenVINO's translator of an ONNX graph, of one size."""
    import openvino

    core = openvino.Core()
    hint = {"INFERENCE_PRECISION_HINT": "bf16" if bfloat16 else "f32"}

    @functools.cache
    def compiled(height: int, width: int) -> openvino.CompiledModel:
        model = core.read_model(path)
        model.reshape([1, 3, height, width])
        return core.compile_model(model, "CPU", hint)

    def translate(fundus: np.ndarray) -> np.ndarray:
        (ffa,) = compiled(*fundus.shape[:2])(_batch(fundus)).values()
        return _picture(ffa)

    return translate


def load_matmul() -> Translator:
    """Return what multiplies two large matrices, and answers nothing."""
    import tensorflow as tf

    matrix = tf.random.normal((_MATMUL_SIDE, _MATMUL_SIDE))

    def multiply(fundus: np.ndarray) -> np.ndarray:
        (matrix @ matrix).numpy()
        return np.zeros_like(fundus[..., :1])

    return multiply
