"""What every pass builds on: a graph under change, who reads what, and the record of what was done."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinygen.model.ir import Graph, Op, Quantization, State, Tensor
from tinygen.model.lowering import Lowered, OpContext, OpDef
from tinygen.model.ops.registry import find_op

Positions = npt.NDArray[np.int64]
WEIGHT_CONSTANTS = ("weights", "bias", "multiplier", "shift")


@dataclass(slots=True)
class Draft:
    """A graph while passes work on it."""

    name: str
    tensors: dict[int, Tensor]
    ops: list[Op]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    states: list[State]
    slices: dict[int, Positions] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    window_rows: int = 0
    hop_rows: int = 0
    stands_for: dict[int, int] = field(default_factory=dict)
    time_axis: int = 1

    def readers(self, tensor: int) -> list[Op]:
        """The operators that read a tensor."""
        return [op for op in self.ops if tensor in op.inputs]

    def writer(self, tensor: int) -> Op | None:
        """The operator that makes a tensor."""
        return next((op for op in self.ops if tensor in op.outputs), None)

    def only_reader(self, tensor: int) -> Op | None:
        """The one operator that reads a tensor, None when there are others or the world sees it."""
        readers = self.readers(tensor)
        if len(readers) != 1 or tensor in self.outputs or readers[0].inputs.count(tensor) != 1:
            return None
        return None if any(state.tensor == tensor for state in self.states) else readers[0]

    def definition(self, op: Op) -> OpDef | None:
        """The operator's definition."""
        return find_op(op.name)

    def lowered(self, op: Op) -> Lowered:
        """The operator in integers.

        Raises:
            TinygenError: the compiler does not support it; the same error that planning gives.
        """
        context = OpContext(model=self.name, op=op, tensors=self.tensors)
        definition = find_op(op.name)
        if definition is None:
            raise context.fail("unsupported operator")
        return definition.lower(context)

    def replace(self, old: Op, *new: Op) -> None:
        """Put other operators in an operator's place."""
        at = next(number for number, op in enumerate(self.ops) if op is old)
        self.ops[at : at + 1] = list(new)

    def constant(self, like: Tensor, data: npt.NDArray[np.generic], quantization: Quantization | None) -> int:
        """A new constant tensor; returns its index."""
        index = max(self.tensors) + 1
        self.tensors[index] = dataclasses.replace(
            like, index=index, shape=tuple(data.shape), data=data, quantization=quantization
        )
        return index

    def graph(self, source: Graph) -> Graph:
        """The graph as it stands now."""
        return dataclasses.replace(
            source, tensors=dict(self.tensors), ops=tuple(self.ops), inputs=self.inputs, states=tuple(self.states)
        )


def draft_of(graph: Graph) -> Draft:
    """Start changing a graph."""
    return Draft(
        name=graph.name,
        tensors=dict(graph.tensors),
        ops=list(graph.ops),
        inputs=graph.inputs,
        outputs=graph.outputs,
        states=list(graph.states),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A rewrite: its obligation in words, and the function that checks and acts."""

    name: str
    obligation: str
    run: Callable[[Draft], None]


def figures(draft: Draft) -> tuple[int, int]:
    """(multiply-accumulates, number of INT8 weights)."""
    lowered = [draft.lowered(op) for op in draft.ops]
    weights = sum(one.constants["weights"].size for one in lowered if "weights" in one.constants)
    return sum(one.macs for one in lowered), weights


def title(draft: Draft, op: Op) -> str:
    """How the log names an operator."""
    return f"{op.where} -> '{draft.tensors[op.outputs[0]].label}'"
