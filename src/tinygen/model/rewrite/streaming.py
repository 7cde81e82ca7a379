"""Automatic streaming: a model that looks at a window in time takes one hop of new rows and keeps the rest as state.

Time is axis 1 of the model's input [1, rows, ...] unless said otherwise: rows that arrive later stand further down.
With axis 2, [1, bands, rows, ...], a "row" is a column and stands further to the right. One inference takes `hop_rows`
new rows and gives the bytes that the full model gives on the last `window_rows` rows. Before the first hop, and after a
reset, the past is as if every row had been real 0 (the input's zero point).

Of every tensor along time some rows *move*: what is computed of input rows alone is, a hop later, the same row further
up. Only the new ones of these are computed, and the ones needed again are kept in a state. Where a layer pads along
time, the first and the last rows have the window's edge in them, layer by layer more of them; those are computed anew
at every hop, by operators of their own. Any other operator is given all rows, put together of all three, and runs as it
does in the full model: always exact, saving nothing. `streaming_writer.py` writes it down.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tinygen.core.errors import TinygenError, bad_input
from tinygen.model.ir import Op, Tensor
from tinygen.model.lowering import Array, OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.rewrite.base import Draft, Pass, figures, title
from tinygen.model.rewrite.streaming_writer import Reach, Time, Writer

_WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_ROW_BY_ROW = ("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH", "TABLE")
_PAIRS = ("ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM")


def _run(draft: Draft) -> None:
    source = _input_along_time(draft)
    times, reaches, hop = _analyse(draft, source)
    before, _ = figures(draft)
    window = source.shape[draft.time_axis]
    if hop >= window:
        raise _refused(draft, f"a hop of {hop} rows is the whole window of {window}")
    Writer(draft=draft, times=times, reaches=reaches, hop=hop, idle=_idle_rows(draft)).write()
    draft.window_rows, draft.hop_rows = window, hop
    after, _ = figures(draft)
    if after >= before:
        reasons = "; ".join(draft.refusals[:3]) or "it works on every row anew"
        raise _refused(draft, f"nothing would be saved ({reasons})")
    draft.changes.append(
        f"one inference takes {hop} new of {window} rows: {before} -> {after} multiply-accumulates, "
        f"{sum(state.initial.nbytes for state in draft.states)} bytes of state"
    )


def _refused(draft: Draft, why: str) -> TinygenError:
    return bad_input(f"cannot run incrementally: {why}", where=draft.name, hint="use --streaming full")


def _input_along_time(draft: Draft) -> Tensor:
    """The model's input, with rows; one that a RESHAPE gives its rows takes that shape."""
    if draft.states:
        raise _refused(draft, "the model keeps state of its own, it is incremental already")
    if len(draft.inputs) != 1:
        raise _refused(draft, f"it has {len(draft.inputs)} inputs; which of them moves in time is not known")
    source = draft.tensors[draft.inputs[0]]
    readers = draft.readers(source.index)
    if len(source.shape) == 2 and len(readers) == 1 and readers[0].name == "RESHAPE":
        unfolded = draft.tensors[readers[0].outputs[0]].shape
        if len(unfolded) >= 3:
            source = draft.tensors[source.index] = dataclasses.replace(source, shape=unfolded)
    converted = source.dtype == "float32" and all(op.name == "QUANTIZE" for op in readers)
    axis = draft.time_axis
    if not (source.dtype == "int8" or converted) or len(source.shape) < axis + 2 or source.shape[0] != 1:
        form = "[1, rows, ...]" if axis == 1 else "[1, bands, rows, ...]"
        raise _refused(draft, f"its input is {source.dtype} {list(source.shape)}, needed: int8 {form}")
    if source.shape[axis] < 2:
        raise _refused(draft, "its input has a single row")
    return source


def _analyse(draft: Draft, source: Tensor) -> tuple[dict[int, Time], dict[int, Reach], int]:
    """{tensor: how it moves in time}, {position in the list of operators: the rows it reaches}, rows of a hop."""
    whole: dict[int, str] = {}
    while True:
        times, reaches, refusals = _followed(draft, source, whole)
        hop = math.lcm(*(time.stride for time in times.values()))
        short = [i for i, t in times.items() if i != source.index and t.computed(hop // t.stride) >= t.rows]
        if not short:
            draft.refusals += refusals
            return times, reaches, hop
        whole |= dict.fromkeys(short, "the window's edges and a hop leave none of its rows alone")


def _followed(
    draft: Draft, source: Tensor, whole: dict[int, str]
) -> tuple[dict[int, Time], dict[int, Reach], list[str]]:
    """What moves, when the tensors in `whole` are made in full for the reason given there."""
    rows = source.shape[draft.time_axis]
    times = {source.index: Time(rows=rows, stride=1, first=0, last=rows)}
    reaches: dict[int, Reach] = {}
    refusals: list[str] = []
    for number, op in enumerate(draft.ops):
        if not any(index in times for index in op.inputs):
            continue
        output = op.outputs[0]
        reach, reason = _reach(draft, op, times)
        found = None if reach is None else _moved(draft, op, times, reach)
        if reach is not None and found is None:
            reason = "the window's edges are in all of its rows"
        elif found is not None and found.rows == 1:
            found = None
        elif found is not None and output in draft.outputs:
            found, reason = None, "it is the model's output, which is wanted whole"
        elif found is not None and output in whole:
            found, reason = None, whole[output]
        if found is not None and reach is not None:
            times[output], reaches[number] = found, reach
        elif reason:
            refusals.append(f"{title(draft, op)}: all rows at every hop: {reason}")
    return times, reaches, refusals


def _moved(draft: Draft, op: Op, times: dict[int, Time], reach: Reach) -> Time | None:
    """How the output moves; None when no row of it does."""
    shape = draft.tensors[op.outputs[0]].shape
    rows = shape[draft.time_axis] if len(shape) > draft.time_axis else 1
    inputs = [times[i] for i in op.inputs if i in times]
    if rows == 1:
        return Time(rows=1, stride=inputs[0].stride, first=0, last=1)
    first = max(-(-(time.first + reach.before) // reach.stride) for time in inputs)
    last = min((time.last - reach.rows + reach.before) // reach.stride + 1 for time in inputs)
    first, last = max(first, 0), min(last, rows)
    # An operator reads something: where an edge's windows see padding alone, a row that moves goes with them.
    first += first > 0 and (first - 1) * reach.stride - reach.before + reach.rows <= 0
    last -= last < rows and last * reach.stride - reach.before >= inputs[0].rows
    return Time(rows=rows, stride=inputs[0].stride * reach.stride, first=first, last=last) if first < last else None


def _reach(draft: Draft, op: Op, times: dict[int, Time]) -> tuple[Reach | None, str]:
    """Which rows of its moving inputs an operator needs for a row of its output; or why that is not known."""
    source, output, axis = draft.tensors[op.inputs[0]], draft.tensors[op.outputs[0]], draft.time_axis
    unknown = "it is not known to work row by row"
    if op.name in _WINDOWS and op.inputs[0] in times:
        p = draft.lowered(op).params
        letter, before = ("h", "pad_top") if axis == 1 else ("w", "pad_left")
        taps = (p[f"k_{letter}"] - 1) * p[f"dilation_{letter}"] + 1
        return Reach(stride=p[f"stride_{letter}"], rows=taps, before=p[before], window=p), ""
    if len(output.shape) <= axis or output.dtype != "int8":
        return None, unknown
    alone = op.name in (*_ROW_BY_ROW, "RESHAPE") or (op.name == "SOFTMAX" and len(source.shape) > axis + 1)
    if alone and op.inputs[0] in times and output.shape[: axis + 1] == source.shape[: axis + 1]:
        return Reach(), ""
    if op.name in _PAIRS:
        others = [draft.tensors[i] for i in op.inputs]
        if any(t.data is None and (t.index not in times or t.shape != output.shape) for t in others):
            return None, "it repeats an input, or one does not move"
        if any(t.data is not None and _has_rows(t, len(output.shape), axis) for t in others):
            return None, "a constant differs from row to row"
        if len({times[t.index].stride for t in others if t.data is None}) == 1:
            return Reach(), ""
    return None, unknown


def _has_rows(constant: Tensor, rank: int, axis: int) -> bool:
    """Whether a constant, broadcast to a tensor of that rank, has more than one row along an axis."""
    place = axis - (rank - len(constant.shape))
    return place >= 0 and constant.shape[place] != 1


def _idle_rows(draft: Draft) -> dict[int, Array]:
    """Every tensor of the full model when nothing but real 0 goes in."""
    source = draft.tensors[draft.inputs[0]]
    zero = 0 if source.quantization is None else source.quantization.zero_point
    values: dict[int, Array] = {source.index: np.full(source.shape, zero, np.dtype(source.dtype))}
    for op in draft.ops:
        definition = find_op(op.name)
        context = OpContext(model=draft.name, op=op, tensors=draft.tensors)
        if definition is None:
            raise context.fail("unsupported operator")
        sources = []
        for slot in definition.slots(op):
            data = context.tensor(slot).data
            sources.append(values[op.inputs[slot]] if data is None else data)
        shapes = [context.tensors[index].shape for index in op.outputs]
        values |= dict(zip(op.outputs, definition.reference(definition.lower(context), sources, shapes), strict=True))
    return values


STREAMING = Pass(
    name="automatic streaming",
    obligation="time is one axis; a row that is computed of moving input rows alone is that of the hop before, further "
    "up; rows with padding in them are computed anew; other operators see all their rows",
    run=_run,
)
