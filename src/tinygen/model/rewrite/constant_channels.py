"""Channels that are the same for every input, or that nobody needs, are taken out of the network.

What a constant channel adds to its readers' sums is added to their biases instead. A channel nobody needs any more
takes the filters that made it along, and so may free channels further up: needs are followed backward to a fixed point.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tinygen.core.fixedpoint import INT32_MAX, INT32_MIN
from tinygen.model.ir import Op, Quantization, Tensor
from tinygen.model.rewrite.base import Draft, Pass, title
from tinygen.model.rewrite.intervals import Bounds, bounds_of, pads

Mask = npt.NDArray[np.bool_]
_SUMS = ("CONV_2D", "FULLY_CONNECTED")
_TABLES = ("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "TANH", "TABLE")
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D")


def _run(draft: Draft) -> None:
    bounds = bounds_of(draft)
    kept = _needs(draft, bounds)
    shrunk = {index for index, mask in kept.items() if not mask.all()}
    if not shrunk:
        return
    constant = sum(int((low == high).sum()) for index, (low, high) in bounds.items() if index in kept)
    draft.changes.append(
        f"{constant} channels of {sum(mask.size for mask in kept.values())} are constant for every input"
    )
    for op in list(draft.ops):
        if (op.name in _SUMS or op.name == "DEPTHWISE_CONV_2D") and _plain_int8(draft, op):
            _slim(draft, op, bounds, kept)
    for op in list(draft.ops):
        if op.name == "RESHAPE" and op.outputs[0] in shrunk:
            draft.replace(op, dataclasses.replace(op, inputs=op.inputs[:1], options={}))
    for index in sorted(shrunk):
        tensor, mask = draft.tensors[index], kept[index]
        rows = np.arange(tensor.n_elements, dtype=np.int64).reshape(-1, mask.size)
        draft.slices[index] = rows[:, mask].reshape(-1)
        draft.tensors[index] = dataclasses.replace(tensor, shape=(*tensor.shape[:-1], int(mask.sum())))
        draft.changes.append(f"'{tensor.label}': {int(mask.sum())} of {mask.size} channels stay")


def _passes_through(draft: Draft, op: Op) -> bool:
    """Channel c of the output is made of channel c of the data inputs, and of nothing else."""
    if not op.inputs or op.inputs[0] < 0 or len(op.outputs) != 1:
        return False
    source, output = draft.tensors[op.inputs[0]], draft.tensors[op.outputs[0]]
    if not source.shape or not output.shape or source.shape[-1] != output.shape[-1]:
        return False
    if op.name == "DEPTHWISE_CONV_2D":
        return draft.lowered(op).params["depth_multiplier"] == 1
    if op.name == "ADD":
        return source.shape == draft.tensors[op.inputs[1]].shape
    if op.name == "MEAN":
        axes = draft.tensors[op.inputs[1]].data
        last = len(source.shape) - 1
        return axes is not None and not {last, -1} & {int(a) for a in np.asarray(axes).reshape(-1)}
    return op.name in ("RESHAPE", *_POOLS, *_TABLES)


def _needs(draft: Draft, bounds: dict[int, Bounds]) -> dict[int, Mask]:
    """{tensor: channels that must stay}, the least that satisfies every reader."""
    tensors = {i for op in draft.ops for i in (*op.inputs, *op.outputs) if i >= 0 and draft.tensors[i].data is None}
    needs: dict[int, Mask] = {}
    for index in tensors:
        shape = draft.tensors[index].shape
        needs[index] = np.zeros(shape[-1] if shape else 1, np.bool_)
        # Nothing may become empty; what the world or a state sees stays whole.
        needs[index][:1] = True
    fixed = {*draft.inputs, *draft.outputs, *(state.tensor for state in draft.states)}
    sums = [op for op in draft.ops if op.name in _SUMS and _plain_int8(draft, op)]
    foldable = {id(op): _foldable(draft, op, bounds) for op in sums}
    used = {id(op): _used_weights(draft, op) for op in sums}
    through = {id(op): _passes_through(draft, op) for op in draft.ops}
    for op in draft.ops:
        # Only these can make fewer channels.
        if op.name not in _SUMS and not through[id(op)]:
            fixed |= {*op.outputs}
        if op.name == "CONV_2D" and draft.lowered(op).params["groups"] > 1:
            fixed |= {*op.outputs}
        if not _plain_int8(draft, op):
            fixed |= {*op.inputs, *op.outputs}
    for index in fixed & tensors:
        needs[index][:] = True
    changed = True
    while changed:
        before = {index: mask.copy() for index, mask in needs.items()}
        for op in reversed(draft.ops):
            _demand(draft, op, needs, foldable=foldable.get(id(op)), used=used.get(id(op)), through=through[id(op)])
        changed = any(not np.array_equal(before[index], mask) for index, mask in needs.items())
    return needs


def _plain_int8(draft: Draft, op: Op) -> bool:
    """Whether an operator's data (and weights) are int8: for all else channels stay."""
    if op.name in _SUMS or op.name == "DEPTHWISE_CONV_2D":
        types = [draft.tensors[i].dtype for i in (*op.inputs[:2], *op.outputs)]
        return types == ["int8"] * len(types) and draft.tensors[op.inputs[0]].data is None
    return all(draft.tensors[i].dtype == "int8" for i in (op.inputs[0], *op.outputs) if i >= 0)


def _demand(
    draft: Draft,
    op: Op,
    needs: dict[int, Mask],
    *,
    foldable: Mask | None,
    used: npt.NDArray[np.bool_] | None,
    through: bool,
) -> None:
    """Add what one operator needs of its inputs (and, where channels only pass through, of its output)."""
    data = [i for i in op.inputs if i in needs]
    if through and op.name not in _SUMS:
        tied = [*data, op.outputs[0]]
        # A constant operand keeps its shape, and so do its partners.
        whole = op.name == "ADD" and len(data) < 2
        union = np.logical_or.reduce([needs[i] for i in tied]) | whole
        for index in tied:
            needs[index] = union.copy()
    elif (
        foldable is not None
        and used is not None
        and op.inputs[0] in needs
        and foldable.size == needs[op.inputs[0]].size
    ):
        # used: [outputs, input channels], whether any weight of that pair is not 0.
        wanted = used[needs[op.outputs[0]]].any(axis=0) & ~foldable
        needs[op.inputs[0]] = needs[op.inputs[0]] | wanted
    else:
        for index in data:
            needs[index] = np.ones_like(needs[index])


def _foldable(draft: Draft, op: Op, bounds: dict[int, Bounds]) -> Mask | None:
    """Input channels whose share can go into the bias, None when channels cannot be told apart."""
    lowered = draft.lowered(op)
    source = draft.tensors[op.inputs[0]]
    if op.inputs[0] not in bounds or not source.shape:
        channels = source.shape[-1] if source.shape else 1
        low, high = np.zeros(channels, np.int64), np.ones(channels, np.int64)
    else:
        low, high = bounds[op.inputs[0]]
    if op.name == "FULLY_CONNECTED":
        return (low == high) if lowered.params["in_c"] == low.size else None
    if lowered.params["groups"] > 1:
        return None
    same: Mask = low == high
    return same & (low == lowered.params["input_zero_point"]) if pads(lowered) else same


def _used_weights(draft: Draft, op: Op) -> npt.NDArray[np.bool_]:
    weights = draft.lowered(op).constants["weights"]
    return np.asarray(np.any(weights.reshape(weights.shape[0], -1, weights.shape[-1]) != 0, axis=1), np.bool_)


def _slim(draft: Draft, op: Op, bounds: dict[int, Bounds], kept: dict[int, Mask]) -> None:
    """Give an operator the weights and bias of the channels that stay."""
    incoming, outgoing = kept[op.inputs[0]], kept[op.outputs[0]]
    if incoming.all() and outgoing.all():
        return
    lowered = draft.lowered(op)
    filters = draft.tensors[op.inputs[1]]
    weights = np.asarray(filters.data, np.int8).reshape(filters.shape)
    bias = lowered.constants["bias"].astype(np.int64)
    if op.name == "DEPTHWISE_CONV_2D":
        slim, axis = weights[..., outgoing], 3
    else:
        if not incoming.all():
            # Channels nobody bounds are only dropped where all their weights are 0.
            low = bounds[op.inputs[0]][0] if op.inputs[0] in bounds else np.zeros(incoming.size, np.int64)
            gone = weights[..., ~incoming].astype(np.int64) * (low[~incoming] - lowered.params["input_zero_point"])
            bias = bias + gone.sum(axis=tuple(range(1, gone.ndim)))
        slim, axis = weights[outgoing][..., incoming], 0
    bias = np.where(outgoing, bias, 0)
    if bias.min() < INT32_MIN or bias.max() > INT32_MAX:
        raise OverflowError(f"{op.where}: a folded bias left int32")  # excluded by OpContext.accumulator_fits
    new_weights = draft.constant(filters, np.ascontiguousarray(slim), _sliced(filters.quantization, axis, outgoing))
    like = Tensor(index=0, name=f"{filters.name}/bias", dtype="int32", shape=(), quantization=None)
    new_bias = draft.constant(like, bias[outgoing].astype(np.int32), None)
    options = dict(op.options)
    draft.replace(op, dataclasses.replace(op, inputs=(op.inputs[0], new_weights, new_bias), options=options))
    draft.changes.append(f"{title(draft, op)}: {weights.size} -> {slim.size} weights")


def _sliced(quantization: Quantization | None, axis: int, mask: Mask) -> Quantization | None:
    if quantization is None or len(quantization.scales) == 1:
        return quantization
    scales = tuple(s for s, keep in zip(quantization.scales, mask.tolist(), strict=True) if keep)
    return Quantization(scales=scales, zero_points=tuple(0 for _ in scales), axis=axis)


CONSTANT_CHANNELS = Pass(
    name="constant channels",
    obligation="interval analysis through exact requantisation gives a channel equal ends; it goes into a reader's "
    "bias only if the reader pads nothing or the constant is the zero point; everything else keeps its channels",
    run=_run,
)
