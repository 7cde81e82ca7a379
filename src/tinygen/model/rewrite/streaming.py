"""Automatic streaming: a model that looks at a window in time takes one hop of new rows and keeps the rest as state.

Time is axis 1 of the model's input [1, rows, ...]: rows that arrive later stand further down. One inference takes
`hop_rows` new rows and gives the bytes that the full model gives on the last `window_rows` rows. Before the first hop,
and after a reset, the past is as if every row had been real 0 (the input's zero point).

Layer by layer, along time: a sliding window without padding needs its last rows again, so they are kept in a state, and
only new rows are computed. An operator that works row by row needs nothing. Any other operator gets a state of all its
rows and runs as it does in the full model: always exact, saving nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinygen.core.errors import bad_input
from tinygen.model.ir import Op, State, Tensor
from tinygen.model.lowering import Array, OpContext
from tinygen.model.ops.registry import find_op
from tinygen.model.rewrite.base import Draft, Pass, figures, title

_WINDOWS = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "MAX_POOL_2D")
_ROW_BY_ROW = ("ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "RELU", "RELU6", "TANH", "TABLE")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Time:
    """A tensor along time: its rows in the full model, and input rows per row."""

    rows: int
    stride: int


def _run(draft: Draft) -> None:
    _check(draft)
    times = _analyse(draft)
    before, _ = figures(draft)
    idle = _idle_rows(draft)
    hop = math.lcm(*(time.stride for time in times.values()))
    source = draft.tensors[draft.inputs[0]]
    if hop >= source.shape[1]:
        raise _refused(draft, f"a hop of {hop} rows is the whole window of {source.shape[1]}")
    writer = _Writer(draft=draft, times=times, hop=hop, idle=idle, states={})
    for op in list(draft.ops):
        writer.take(op)
    for index, time in times.items():
        tensor = draft.tensors[index]
        new = hop // time.stride
        positions = draft.slices.get(index, np.arange(tensor.n_elements, dtype=np.int64)).reshape(time.rows, -1)
        draft.slices[index] = positions[-new:].reshape(-1)
        draft.tensors[index] = dataclasses.replace(tensor, shape=(1, new, *tensor.shape[2:]))
    draft.window_rows, draft.hop_rows = source.shape[1], hop
    after, _ = figures(draft)
    if after >= before:
        reasons = "; ".join(draft.refusals[:3]) or "it works on every row anew"
        raise _refused(draft, f"nothing would be saved ({reasons})")
    draft.changes.append(
        f"one inference takes {hop} new of {source.shape[1]} rows: {before} -> {after} multiply-accumulates, "
        f"{sum(state.initial.nbytes for state in draft.states)} bytes of state"
    )


def _refused(draft: Draft, why: str) -> Exception:
    return bad_input(f"cannot run incrementally: {why}", where=draft.name, hint="use --streaming full")


def _check(draft: Draft) -> None:
    if draft.states:
        raise _refused(draft, "the model keeps state of its own, it is incremental already")
    if len(draft.inputs) != 1:
        raise _refused(draft, f"it has {len(draft.inputs)} inputs; which of them moves in time is not known")
    source = draft.tensors[draft.inputs[0]]
    if source.dtype != "int8" or len(source.shape) < 3 or source.shape[0] != 1 or source.shape[1] < 2:
        raise _refused(draft, f"its input is {source.dtype} {list(source.shape)}, needed: int8 [1, rows, ...]")


def _analyse(draft: Draft) -> dict[int, _Time]:
    """{tensor that needs only its new rows: how it moves}. The rest is made in full at every hop."""
    source = draft.tensors[draft.inputs[0]]
    times = {source.index: _Time(rows=source.shape[1], stride=1)}
    for op in draft.ops:
        if not any(index in times for index in op.inputs):
            continue
        found, reason = _follow(draft, op, times)
        output = op.outputs[0]
        if found is not None and output not in draft.outputs:
            times[output] = found
        elif found is not None and found.rows > 1:
            reason = "it is the model's output, which is wanted whole"
        if reason:
            draft.refusals.append(f"{title(draft, op)}: all rows at every hop: {reason}")
    return times


def _follow(draft: Draft, op: Op, times: dict[int, _Time]) -> tuple[_Time | None, str]:
    """How an operator's output moves in time, or None and why it must see everything."""
    source, output = draft.tensors[op.inputs[0]], draft.tensors[op.outputs[0]]
    time = times.get(op.inputs[0])
    if op.name in _WINDOWS and time is not None:
        p = draft.lowered(op).params
        reach = (p["k_h"] - 1) * p["dilation_h"] + 1
        if p["pad_top"] or (p["out_h"] - 1) * p["stride_h"] + reach > p["in_h"]:
            return None, "it pads along time, and a window's edge moves"
        if (p["out_h"] - 1) * p["stride_h"] + reach != p["in_h"]:
            return None, "its last window ends before the newest row"
        if reach < p["stride_h"] and p["out_h"] > 1:
            return None, "it skips rows"
        if p["out_h"] == 1:
            return None, ""
        return _Time(rows=p["out_h"], stride=time.stride * p["stride_h"]), ""
    same_rows = len(output.shape) >= 2 and output.shape[:2] == source.shape[:2]
    if time is not None and same_rows:
        if op.name in _ROW_BY_ROW or op.name == "RESHAPE":
            return time, ""
        if op.name == "SOFTMAX" and len(source.shape) >= 3:
            return time, ""
    if op.name == "ADD" and time is not None and times.get(op.inputs[1]) == time:
        if source.shape == draft.tensors[op.inputs[1]].shape:
            return time, ""
        return None, "it repeats an input"
    return None, "it is not known to work row by row"


def _idle_rows(draft: Draft) -> dict[int, Array]:
    """Every tensor of the full model when nothing but real 0 goes in."""
    source = draft.tensors[draft.inputs[0]]
    zero = 0 if source.quantization is None else source.quantization.zero_point
    values: dict[int, Array] = {source.index: np.full(source.shape, zero, np.int8)}
    for op in draft.ops:
        values |= _results(draft.name, draft.tensors, op, values)
    return values


def _results(name: str, tensors: Mapping[int, Tensor], op: Op, values: dict[int, Array]) -> dict[int, Array]:
    definition = find_op(op.name)
    context = OpContext(model=name, op=op, tensors=tensors)
    if definition is None:
        raise context.fail("unsupported operator")
    sources = []
    for slot in definition.slots(op):
        data = context.tensor(slot).data
        sources.append(values[op.inputs[slot]] if data is None else data)
    shapes = [context.tensors[index].shape for index in op.outputs]
    return dict(zip(op.outputs, definition.reference(definition.lower(context), sources, shapes), strict=True))


@dataclass(slots=True)
class _Writer:
    """Turns the operators one by one."""

    draft: Draft
    times: dict[int, _Time]
    hop: int
    idle: dict[int, Array]
    states: dict[tuple[int, int], int]

    def take(self, op: Op) -> None:
        """Give an operator the windows it needs."""
        if not any(index in self.times for index in op.inputs):
            return
        if op.name in _WINDOWS and (op.outputs[0] in self.times or self.draft.tensors[op.outputs[0]].shape[1] == 1):
            self._window(op)
        elif op.outputs[0] in self.times:
            if op.name == "RESHAPE":
                self.draft.replace(op, dataclasses.replace(op, inputs=op.inputs[:1], options={}))
        else:
            pairs = {i: self._state(op, i, self.times[i].rows) for i in op.inputs if i in self.times}
            self._swap(op, dataclasses.replace(op, inputs=tuple(pairs.get(i, i) for i in op.inputs)))

    def _window(self, op: Op) -> None:
        p = self.draft.lowered(op).params
        index = op.inputs[0]
        time = self.times[index]
        new = self.hop // time.stride
        reach = (p["k_h"] - 1) * p["dilation_h"] + 1
        # With a single output row the window is all there is, whatever the stride says.
        rows = reach if p["out_h"] == 1 else reach + new - p["stride_h"]
        if p["pad_top"] or reach > p["in_h"] or (p["out_h"] == 1 and reach != p["in_h"]):
            rows = time.rows
        taken = index if rows == new else self._state(op, index, rows)
        options = dict(op.options)
        if rows != time.rows or options.get("padding") == "explicit":
            across = (p["out_w"] - 1) * p["stride_w"] + (p["k_w"] - 1) * p["dilation_w"] + 1
            behind = max(0, across - p["pad_left"] - p["in_w"])
            options |= {"padding": "explicit", "pad_height_before": 0, "pad_height_after": 0}
            options |= {"pad_width_before": p["pad_left"], "pad_width_after": behind}
        self._swap(op, dataclasses.replace(op, inputs=(taken, *op.inputs[1:]), options=options))
        self.draft.changes.append(f"{title(self.draft, op)}: keeps {rows - new if rows != new else 0} rows")

    def _swap(self, old: Op, new: Op) -> None:
        self.draft.replace(old, new)

    def _state(self, op: Op, index: int, rows: int) -> int:
        """The state that holds the last `rows` rows of a tensor; it is updated before its first reader."""
        key = (index, rows)
        if key not in self.states:
            tensor = self.draft.tensors[index]
            state = max(self.draft.tensors) + 1
            shape = (1, rows, *tensor.shape[2:])
            self.draft.tensors[state] = dataclasses.replace(
                tensor, index=state, name=f"{tensor.name}/rows", shape=shape
            )
            past = np.repeat(self.idle[index][:, -1:], rows, axis=1)
            self.draft.states.append(State(tensor=state, initial=np.ascontiguousarray(past)))
            at = next(number for number, one in enumerate(self.draft.ops) if one is op)
            update = Op(position=op.position, name="STREAM_ROWS", inputs=(index, state), outputs=(state,))
            self.draft.ops.insert(at, update)
            self.states[key] = state
        return self.states[key]


STREAMING = Pass(
    name="automatic streaming",
    obligation="time is axis 1; a window along it pads nothing and ends at the newest row, so old rows of its output "
    "are those of the hop before; other operators see all their rows",
    run=_run,
)
