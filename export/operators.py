r"""Show which operators of a TFLite file are fast: those that XNNPACK takes.

    python -m export.operators --model=models/ffa.tflite

LiteRT runs the others one by one with its own kernels.
"""

import collections
from pathlib import Path
from typing import Any

from absl import flags

from ffa_keras import cli
from ffa_keras.errors import InputError

_MODEL = flags.DEFINE_string("model", None, "TFLite file.", required=True)

# Of an operator: how many of it are delegated, and how many there are.
Counts = dict[str, tuple[int, int]]


def main() -> None:
    """Print a table for each signature."""
    for signature, counts in count_operators(Path(_MODEL.value)).items():
        delegated, total = map(sum, zip(*counts.values(), strict=True))
        print(f"{signature}: {delegated} of {total} operators delegated")
        for name, (delegated, total) in sorted(counts.items()):
            print(f"  {name:24}{delegated:4} of {total}")


def count_operators(file: Path) -> dict[str, Counts]:
    """Count what the delegate of this machine takes of each signature.

    Args:
        file: the TFLite file.

    Raises:
        InputError: it is none.
    """
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_litert.tools import flatbuffer_utils

    try:
        model = flatbuffer_utils.read_model(str(file))
        signatures = model.signatureDefs
    except Exception as error:  # Whatever else a file holds.
        raise InputError(f"--model={file}: no TFLite file") from error
    subgraphs = model.subgraphs
    model.signatureDefs = None
    found = {}
    for signature in signatures or ():
        # LiteRT tells of the first subgraph only.
        model.subgraphs = [subgraphs[signature.subgraphIndex]]
        content = flatbuffer_utils.convert_object_to_bytearray(model)
        interpreter = Interpreter(model_content=bytes(content))
        interpreter.allocate_tensors()
        name = signature.signatureKey.decode()
        found[name] = _counts(interpreter._get_ops_details())
    return found


def _counts(nodes: list[dict[str, Any]]) -> Counts:
    """Count operators; a delegate stands behind those that it replaces."""
    operators = [n for n in nodes if n["op_name"] != "DELEGATE"]
    made_by = {int(t): n for n in operators for t in n["outputs"]}
    delegated = set[int]()
    for delegate in (n for n in nodes if n["op_name"] == "DELEGATE"):
        known = {int(t) for t in delegate["inputs"]}
        wanted = [int(t) for t in delegate["outputs"]]
        while wanted:
            tensor = wanted.pop()
            if tensor in known or tensor not in made_by:
                continue
            known.add(tensor)
            operator = made_by[tensor]
            delegated.add(operator["index"])
            wanted += [int(t) for t in operator["inputs"]]
    counts = collections.defaultdict[str, list[bool]](list)
    for operator in operators:
        counts[operator["op_name"]].append(operator["index"] in delegated)
    return {name: (sum(taken), len(taken)) for name, taken in counts.items()}


if __name__ == "__main__":
    cli.run(main)
