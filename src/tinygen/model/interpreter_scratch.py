"""Working memory that optimised kernels ask TFLM's interpreter for, and the reference kernels of the record do not.

Upper bounds. Source: the get_buffer_size functions of CMSIS-NN 7 (arm_convolve, arm_depthwise_conv, arm_avgpool,
arm_transpose_conv; no Helium) and the scratch_size functions of ESP-NN 1.1 for the ESP32-S3.
"""

from __future__ import annotations

from tinygen.model.ir import Graph, Op

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "FULLY_CONNECTED")
_TO_16 = 15


def scratch_bytes(graph: Graph, optimized: str) -> int:
    """The most a step may ask for, in bytes.

    Args:
        graph: as imported.
        optimized: "CMSIS-NN" or "ESP-NN".
    """
    bound = _cmsis_nn if optimized == "CMSIS-NN" else _esp_nn
    largest = max((bound(graph, op) for op in graph.ops), default=0)
    return (largest + _TO_16) & ~_TO_16


def _sizes(graph: Graph, op: Op) -> tuple[int, int, int, int]:
    """Elements of input, weights (of one output channel, and in all) and output."""
    slot = 2 if op.name == "TRANSPOSE_CONV" else 0
    source, weights, output = (graph.tensors[i] for i in (op.inputs[slot], op.inputs[1], op.outputs[0]))
    per_channel = weights.n_elements // max(weights.shape[0], 1)
    return source.n_elements, per_channel, weights.n_elements, output.n_elements


def _cmsis_nn(graph: Graph, op: Op) -> int:
    if op.name == "AVERAGE_POOL_2D":
        return 4 * graph.tensors[op.outputs[0]].shape[-1]
    if op.name not in _WEIGHTED[:3]:
        return 0
    _, per_channel, in_all, output = _sizes(graph, op)
    if op.name == "CONV_2D":
        return 4 * (per_channel + 3)  # two columns of int16
    if op.name == "DEPTHWISE_CONV_2D":
        return 2 * in_all
    return 4 * (in_all + output)


def _esp_nn(graph: Graph, op: Op) -> int:
    if op.name not in _WEIGHTED[:2]:
        return 0
    source, _, in_all, output = _sizes(graph, op)
    row = graph.tensors[op.inputs[0]].n_elements // max(graph.tensors[op.inputs[0]].shape[1], 1)
    return 2 * (source + in_all) + 16 * row + 4 * max(source, output) + 256
