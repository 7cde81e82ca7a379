"""Writes an incremental graph: states of rows that moved, operators for new rows and for the window's edges."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tinygen.model.ir import Op, State, Tensor
from tinygen.model.lowering import Array
from tinygen.model.rewrite.base import Draft, Positions, title

# {time axis of a window's input: its word in options, and word, letter and padding before of the other axis}.
WORDS = {1: ("height", "width", "w", "pad_left"), 2: ("width", "height", "h", "pad_top")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """A tensor along time, its rows counted as in the full model.

    Attributes:
        rows: all of them.
        stride: input rows per row.
        first, last: rows first..last-1 move; those before and behind have an edge of the window in them.
    """

    rows: int
    stride: int
    first: int
    last: int

    def computed(self, new: int) -> int:
        """Rows computed at a hop that brings `new` ones."""
        return self.first + new + self.rows - self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which input rows an operator needs.

    Attributes:
        stride, rows, before: output row r needs `rows` input rows from r * stride - before on.
        window: the sliding window's parameters, where it is one.
    """

    stride: int = 1
    rows: int = 1
    before: int = 0
    window: Mapping[str, int] | None = None

    def needed(self, low: int, high: int, size: int) -> tuple[int, int, int, int]:
        """Input rows (from, to) for output rows low..high-1, and how many are padded before and behind them."""
        start, end = low * self.stride - self.before, (high - 1) * self.stride - self.before + self.rows
        return max(start, 0), min(end, size), max(-start, 0), max(end - size, 0)


@dataclass(slots=True, kw_only=True)
class Writer:
    """Turns the operators one by one.

    Attributes:
        reaches: {number of an operator: its reach}, of those whose output moves.
        idle: every tensor of the full model before anything happened.
        kept: rows each tensor's state must hold; top, bottom: tensors of the rows at the window's edges.
    """

    draft: Draft
    times: dict[int, Time]
    reaches: dict[int, Reach]
    hop: int
    idle: dict[int, Array]
    done: list[Op] = field(default_factory=list)
    kept: dict[int, int] = field(default_factory=dict)
    states: dict[int, int] = field(default_factory=dict)
    top: dict[int, int] = field(default_factory=dict)
    bottom: dict[int, int] = field(default_factory=dict)
    pieces: dict[tuple[int, int, int], int] = field(default_factory=dict)
    full: dict[int, Tensor] = field(default_factory=dict)
    places: dict[int, Positions] = field(default_factory=dict)

    def write(self) -> None:
        """Replace the draft's operators."""
        self.full = dict(self.draft.tensors)
        for index in self.times:
            count = self.full[index].n_elements
            positions = self.draft.slices.get(index, np.arange(count, dtype=np.int64))
            self.places[index] = positions.reshape(self.full[index].shape)
        operators = list(self.draft.ops)
        for number, op in enumerate(operators):
            for index, low, high in self._asked(number, op):
                self._count(index, low, high)
        for index, time in self.times.items():
            self._shape(index, index, time.last - self._new(index), time.last)
        for number, op in enumerate(operators):
            if not any(index in self.times for index in op.inputs):
                self.done.append(op)
            elif number in self.reaches:
                self._moving(op, self.reaches[number])
            else:
                swapped = {i: self._piece(op, i, 0, self.times[i].rows) for i in op.inputs if i in self.times}
                self.done.append(dataclasses.replace(op, inputs=tuple(swapped.get(i, i) for i in op.inputs)))
        self.draft.ops = self.done

    def _new(self, index: int) -> int:
        return self.hop // self.times[index].stride

    def _parts(self, output: int) -> list[tuple[int, int]]:
        """The stretches of rows that are computed at every hop: the new ones, and those at the edges."""
        time = self.times[output]
        stretches = [(0, time.first), (time.last - self._new(output), time.last), (time.last, time.rows)]
        return [(low, high) for low, high in stretches if low < high]

    def _asked(self, number: int, op: Op) -> list[tuple[int, int, int]]:
        """Every (tensor, from, to) that an operator reads along time."""
        moving = [i for i in op.inputs if i in self.times]
        if number not in self.reaches:
            return [(i, 0, self.times[i].rows) for i in moving]
        reach = self.reaches[number]
        return [
            (i, *reach.needed(low, high, self.times[i].rows)[:2])
            for low, high in self._parts(op.outputs[0])
            for i in moving
        ]

    def _count(self, index: int, low: int, high: int) -> None:
        """Let the state be long enough for a stretch, as far as its rows are not the new ones."""
        time = self.times[index]
        low = max(low, time.first)
        if low < min(high, time.last) and low < time.last - self._new(index):
            self.kept[index] = max(self.kept.get(index, 0), time.last - low)

    def _moving(self, op: Op, reach: Reach) -> None:
        """An operator for the new rows, and its twins for the rows at the edges."""
        output, time = op.outputs[0], self.times[op.outputs[0]]
        if time.first:
            self.top[output] = self._part(op, reach, 0, time.first, self._tensor(output, "first", 0, time.first))
        self._part(op, reach, time.last - self._new(output), time.last, output)
        if time.last < time.rows:
            place = self._tensor(output, "last", time.last, time.rows)
            self.bottom[output] = self._part(op, reach, time.last, time.rows, place)
        edges = time.first + time.rows - time.last
        kept = max(self.kept.get(i, self._new(i)) - self._new(i) for i in op.inputs if i in self.times)
        if edges or kept:
            again = f", {edges} of {time.rows} at the window's edges again" if edges else ""
            self.draft.changes.append(
                f"{title(self.draft, op)}: {self._new(output)} new rows{again}, keeps {kept} rows"
            )

    def _part(self, op: Op, reach: Reach, low: int, high: int, output: int) -> int:
        inputs, pads = [], (0, 0)
        for index in op.inputs:
            if index not in self.times:
                inputs.append(index)
                continue
            start, end, *padded = reach.needed(low, high, self.times[index].rows)
            pads = (padded[0], padded[1])
            inputs.append(self._piece(op, index, start, end))
        options = dict(op.options)
        p = reach.window
        if p is not None:
            along, other, letter, before = WORDS[self.draft.time_axis]
            across = (
                (p[f"out_{letter}"] - 1) * p[f"stride_{letter}"] + (p[f"k_{letter}"] - 1) * p[f"dilation_{letter}"] + 1
            )
            options |= {"padding": "explicit", f"pad_{along}_before": pads[0], f"pad_{along}_after": pads[1]}
            options |= {f"pad_{other}_before": p[before]}
            options |= {f"pad_{other}_after": max(0, across - p[before] - p[f"in_{letter}"])}
        if op.name == "RESHAPE":
            inputs, options = inputs[:1], {}
        self.done.append(dataclasses.replace(op, inputs=tuple(inputs), outputs=(output,), options=options))
        return output

    def _piece(self, op: Op, index: int, low: int, high: int) -> int:
        """A tensor of the rows low..high-1, put together of edges and state where no tensor is just that."""
        time = self.times[index]
        if (low, high) == (time.last - self._new(index), time.last):
            return index
        key = (index, low, high)
        if key not in self.pieces:
            parts: list[int] = []
            if low < time.first:
                parts.append(self._cut(op, index, self.top[index], (0, time.first), (low, min(high, time.first))))
            start, end = max(low, time.first), min(high, time.last)
            if start < end:
                parts.append(self._of_moving(op, index, start, end))
            if high > time.last:
                whole = (time.last, time.rows)
                parts.append(self._cut(op, index, self.bottom[index], whole, (max(low, time.last), high)))
            self.pieces[key] = parts[0] if len(parts) == 1 else self._joined(op, index, parts, (low, high))
        return self.pieces[key]

    def _of_moving(self, op: Op, index: int, low: int, high: int) -> int:
        time = self.times[index]
        start = time.last - self._new(index)
        if low >= start:
            return self._cut(op, index, index, (start, time.last), (low, high))
        kept = self.kept[index]
        if index not in self.states:
            self.states[index] = self._state(op, index, kept)
        return self._cut(op, index, self.states[index], (time.last - kept, time.last), (low, high))

    def _cut(self, op: Op, index: int, tensor: int, have: tuple[int, int], wanted: tuple[int, int]) -> int:
        """Rows of a tensor that holds the rows `have` of tensor `index`."""
        if have == wanted:
            return tensor
        rank = len(self.full[index].shape)
        begin, size = [0] * rank, list(self.full[index].shape)
        begin[self.draft.time_axis], size[self.draft.time_axis] = wanted[0] - have[0], wanted[1] - wanted[0]
        result = self._tensor(index, "rows", *wanted)
        inputs = (tensor, self._numbers(begin), self._numbers(size))
        self.done.append(Op(position=op.position, name="SLICE", inputs=inputs, outputs=(result,)))
        return result

    def _joined(self, op: Op, index: int, parts: list[int], rows: tuple[int, int]) -> int:
        result = self._tensor(index, "rows", *rows)
        options: dict[str, int | float | bool | str] = {
            "axis": self.draft.time_axis,
            "fused_activation_function": "none",
        }
        self.done.append(
            Op(position=op.position, name="CONCATENATION", inputs=tuple(parts), outputs=(result,), options=options)
        )
        return result

    def _state(self, op: Op, index: int, rows: int) -> int:
        """The state that holds the newest `rows` moving rows; it is updated before its first reader."""
        tensor, time, axis = self.full[index], self.times[index], self.draft.time_axis
        state = self._next()
        shape = (*tensor.shape[:axis], rows, *tensor.shape[axis + 1 :])
        self.draft.tensors[state] = dataclasses.replace(tensor, index=state, name=f"{tensor.name}/rows", shape=shape)
        past = np.repeat(np.take(self.idle[index], [time.last - 1], axis), rows, axis)
        self.draft.states.append(State(tensor=state, initial=np.ascontiguousarray(past)))
        self.done.append(Op(position=op.position, name="STREAM_ROWS", inputs=(index, state), outputs=(state,)))
        return state

    def _tensor(self, index: int, word: str, low: int, high: int) -> int:
        """A new tensor for the rows low..high-1 of another one."""
        made = self._next()
        tensor = self.full[index]
        self.draft.tensors[made] = dataclasses.replace(tensor, index=made, name=f"{tensor.name}/{word}", made=True)
        self._shape(made, index, low, high)
        if index not in self.draft.inputs and not tensor.made:
            self.draft.stands_for[made] = index
        return made

    def _shape(self, tensor: int, index: int, low: int, high: int) -> None:
        """Let a tensor hold the rows low..high-1 of tensor `index`, and say which of the oracle's values those are."""
        taken = np.take(self.places[index], range(low, high), self.draft.time_axis)
        self.draft.tensors[tensor] = dataclasses.replace(self.draft.tensors[tensor], shape=taken.shape)
        self.draft.slices[tensor] = taken.reshape(-1)

    def _numbers(self, values: list[int]) -> int:
        index = self._next()
        data = np.array(values, np.int32)
        self.draft.tensors[index] = Tensor(
            index=index, name="rows", dtype="int32", shape=data.shape, quantization=None, data=data, made=True
        )
        return index

    def _next(self) -> int:
        return max(self.draft.tensors) + 1
