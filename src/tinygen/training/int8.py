"""The converted model as the device will run it: its structure, its quantisation, TFLM's interpreter over it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import ExitCode, TinygenError, tool_failed
from tinygen.core.hush import hushed
from tinygen.features import quantize
from tinygen.features.spec import FeatureSpec
from tinygen.model.importer import load
from tinygen.model.ir import Graph, Quantization

Int8 = npt.NDArray[np.int8]

_DYNAMIC = ("SHAPE", "STRIDED_SLICE", "PACK", "GATHER", "FILL", "RANGE", "WHILE", "IF")
_ARENA_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Quantisation of the model's one input and one output."""

    model_input: Quantization
    model_output: Quantization


def check_structure(tflite: bytes, name: str) -> Graph:
    """Make sure the model is what a device can run: int8 throughout, batch 1, nothing with a dynamic shape.

    Raises:
        TinygenError: it is not, naming every tensor and operator at fault; or it cannot be read at all.
    """
    graph = load(tflite, name)
    faults = [f"{op.where} has a dynamic shape" for op in graph.ops if op.name in _DYNAMIC]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        faults.append(f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs instead of one each")
    written = {index for op in graph.ops for index in op.outputs}
    for index in sorted(written | set(graph.inputs)):
        tensor = graph.tensors[index]
        if tensor.dtype != "int8":
            faults.append(f"tensor {index} '{tensor.name}' is {tensor.dtype}, not int8")
        if not tensor.shape or tensor.shape[0] != 1 or min(tensor.shape) < 1:
            faults.append(f"tensor {index} '{tensor.name}' has shape {list(tensor.shape)}, not a batch of 1")
    if faults:
        raise TinygenError(ExitCode.OUR_BUG, "the converted model is not full INT8: " + "; ".join(faults), where=name)
    return graph


def ends(graph: Graph) -> Ends:
    """The quantisation at both ends of a checked model.

    Raises:
        TinygenError: an end has none.
    """
    found = [graph.tensors[index].quantization for index in (graph.inputs[0], graph.outputs[0])]
    if found[0] is None or found[1] is None:
        raise TinygenError(ExitCode.OUR_BUG, "the model's input or output has no quantisation", where=graph.name)
    return Ends(model_input=found[0], model_output=found[1])


def model_inputs(spec: FeatureSpec, features: npt.NDArray[np.int16], at: Ends) -> Int8:
    """int8 [n, values] of integer features [n, frames, values], as the device makes them.

    Raises:
        TinygenError: scales that do not suit each other.
    """
    q = quantize.for_input(spec, at.model_input.scale, at.model_input.zero_point)
    return quantize.apply(features, q).reshape(len(features), -1)


def run_tflm(tflite: bytes, graph: Graph, inputs: Int8) -> Int8:
    """Outputs int8 [n, values] of TFLM's own interpreter for inputs int8 [n, values]; the first input runs twice.

    Raises:
        TinygenError: the interpreter is not installed, refuses the model, or answers differently the second time.
    """
    if find_spec("tflite_micro") is None:
        raise tool_failed(
            "TFLM's interpreter is not installed: INT8 figures come from it", hint="run: pip install 'tinygen[verify]'"
        )
    from tflite_micro import runtime

    shape = graph.tensors[graph.inputs[0]].shape
    outputs: list[Int8] = []
    try:
        with hushed():
            interpreter = runtime.Interpreter.from_bytes(tflite, arena_size=_ARENA_BYTES)
            for example in [*inputs, inputs[0]]:
                interpreter.set_input(example.reshape(shape), 0)
                interpreter.invoke()
                outputs.append(np.array(interpreter.get_output(0), dtype=np.int8).reshape(-1))
    except (RuntimeError, ValueError) as error:
        message = f"TFLM's interpreter does not run the converted model: {error}"
        raise TinygenError(ExitCode.OUR_BUG, message, where=graph.name) from error
    if not np.array_equal(outputs[0], outputs[-1]):
        message = "TFLM's interpreter gives different outputs for the same input"
        raise TinygenError(ExitCode.OUR_BUG, message, where=graph.name)
    return np.stack(outputs[:-1])
