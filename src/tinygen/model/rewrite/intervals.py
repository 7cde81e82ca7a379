"""Bounds of every channel of every tensor, for any input whatever.

A channel is an index along the last axis. Sums are bounded with their positive and negative weights; requantisation and
clamp are monotone, so the ends of the accumulator's interval give the ends of the result.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from tinygen.core.fixedpoint import INT32_MAX, INT32_MIN
from tinygen.model.ir import Op, Tensor
from tinygen.model.lowering import INT8_MAX, INT8_MIN, Int64, Lowered, requantized
from tinygen.model.rewrite.base import Draft

# Larger inputs give larger (or equal) outputs, element by element, and the output's last axis is the input's.
MONOTONE = ("ADD", "AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "RESHAPE", "PAD")
Bounds = tuple[Int64, Int64]


def pads(lowered: Lowered) -> bool:
    """Whether a sliding window ever looks past its input."""
    p = lowered.params
    for axis, before in (("h", p["pad_top"]), ("w", p["pad_left"])):
        reach = (p[f"out_{axis}"] - 1) * p[f"stride_{axis}"] + (p[f"k_{axis}"] - 1) * p[f"dilation_{axis}"] + 1
        if before or reach - before > p[f"in_{axis}"]:
            return True
    return False


def anything(tensor: Tensor) -> Bounds:
    """Every int8 value in every channel."""
    channels = tensor.shape[-1] if tensor.shape else 1
    return np.full(channels, INT8_MIN, np.int64), np.full(channels, INT8_MAX, np.int64)


def bounds_of(draft: Draft) -> dict[int, Bounds]:
    """{int8 tensor that an operator or the world writes: lowest and highest value of each channel}."""
    found: dict[int, Bounds] = {}
    for op in draft.ops:
        for index in op.outputs:
            found[index] = _bounds(draft, op, found) or anything(draft.tensors[index])
    return found


def input_bounds(draft: Draft, index: int, found: Mapping[int, Bounds]) -> Bounds:
    """Bounds of an operator's input."""
    tensor = draft.tensors[index]
    if tensor.data is not None and tensor.dtype == "int8":
        rows = np.asarray(tensor.data, np.int64).reshape(-1, tensor.shape[-1] if tensor.shape else 1)
        return rows.min(axis=0), rows.max(axis=0)
    return found.get(index, anything(tensor))


def _bounds(draft: Draft, op: Op, found: Mapping[int, Bounds]) -> Bounds | None:
    if not op.inputs or op.inputs[0] < 0 or len(op.outputs) != 1:
        return None
    if draft.tensors[op.outputs[0]].dtype != "int8" or any(
        draft.tensors[i].dtype != "int8" for i in op.inputs[:1] if i >= 0
    ):
        return None
    if op.name in ("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D"):
        return _sum_bounds(draft, op, found)
    if op.name in MONOTONE:
        return _monotone_bounds(draft, op, found)
    table = draft.lowered(op).constants.get("table") if len(op.outputs) == 1 else None
    source = draft.tensors[op.inputs[0]]
    if table is not None and table.size == 256 and source.shape == draft.tensors[op.outputs[0]].shape:
        ordered = np.concatenate([table[128:], table[:128]]).astype(np.int64)
        low, high = input_bounds(draft, op.inputs[0], found)
        ranges = [ordered[a + 128 : b + 129] for a, b in zip(low.tolist(), high.tolist(), strict=True)]
        return np.array([r.min() for r in ranges]), np.array([r.max() for r in ranges])
    return None


def _sum_bounds(draft: Draft, op: Op, found: Mapping[int, Bounds]) -> Bounds | None:
    lowered = draft.lowered(op)
    p = lowered.params
    if not {"multiplier", "shift", "bias", "weights"} <= set(lowered.constants):
        return None
    low, high = (bound - p["input_zero_point"] for bound in input_bounds(draft, op.inputs[0], found))
    weights = lowered.constants["weights"].astype(np.int64)
    if op.name != "FULLY_CONNECTED" and pads(lowered):
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    if op.name == "DEPTHWISE_CONV_2D":
        low, high = (np.repeat(bound, p["depth_multiplier"]) for bound in (low, high))
        axes: tuple[int, ...] = (0, 1)
    else:
        axes = tuple(range(1, weights.ndim))
        if op.name == "CONV_2D" and p["groups"] > 1:
            low, high = (np.full(weights.shape[-1], end) for end in (low.min(), high.max()))
        elif low.size != weights.shape[-1]:
            if weights.shape[-1] % low.size:
                return None
            low, high = (np.tile(bound, weights.shape[-1] // low.size) for bound in (low, high))
    bias = lowered.constants["bias"].astype(np.int64)
    lowest: Int64 = np.minimum(weights * low, weights * high).sum(axis=axes) + bias
    highest: Int64 = np.maximum(weights * low, weights * high).sum(axis=axes) + bias
    return _requantized_ends(lowered, lowest, highest)


def _requantized_ends(lowered: Lowered, lowest: Int64, highest: Int64) -> Bounds:
    p = lowered.params
    shift = lowered.constants["shift"].astype(np.int64)
    left = np.maximum(shift, 0)
    # A left shift that wraps is not monotone: such a channel may be anything.
    wraps = ((lowest << left) < INT32_MIN) | ((highest << left) > INT32_MAX)
    ends = [
        requantized(
            np.where(wraps, 0, acc),
            lowered.constants["multiplier"],
            shift,
            zero_point=p["output_zero_point"],
            low=p["act_min"],
            high=p["act_max"],
        ).astype(np.int64)
        for acc in (lowest, highest)
    ]
    return np.where(wraps, p["act_min"], ends[0]), np.where(wraps, p["act_max"], ends[1])


def _monotone_bounds(draft: Draft, op: Op, found: Mapping[int, Bounds]) -> Bounds | None:
    definition = draft.definition(op)
    if definition is None:
        return None
    lowered = draft.lowered(op)
    shapes = [draft.tensors[op.outputs[0]].shape]
    ends: list[npt.NDArray[np.int64]] = []
    for end in (0, 1):
        sources = [
            np.broadcast_to(input_bounds(draft, op.inputs[slot], found)[end], draft.tensors[op.inputs[slot]].shape)
            for slot in definition.slots(op)
        ]
        result = definition.reference(lowered, [source.astype(np.int8) for source in sources], shapes)[0]
        rows = result.astype(np.int64).reshape(-1, shapes[0][-1] if shapes[0] else 1)
        ends.append(rows.min(axis=0) if end == 0 else rows.max(axis=0))
    return ends[0], ends[1]
