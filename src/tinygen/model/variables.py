"""Resource variables of a file (VAR_HANDLE, CALL_ONCE, READ_VARIABLE, ASSIGN_VARIABLE) become states of the graph.

A variable starts with what the subgraph of CALL_ONCE assigns to it: constants, and nothing else is allowed there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from tinygen.core.errors import TinygenError, bad_input
from tinygen.model.flatbuffer import Table
from tinygen.model.ir import Op, State, Tensor

READ, ASSIGN, HANDLE, ONCE = "READ_VARIABLE", "ASSIGN_VARIABLE", "VAR_HANDLE", "CALL_ONCE"
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgraph:
    """A subgraph of the file: its table, operators, and a way to read one of its tensors."""

    table: Table
    ops: tuple[Op, ...]
    read_tensor: Callable[[int], Tensor]


def resolve(subgraphs: list[Subgraph], name: str) -> tuple[tuple[Op, ...], list[Tensor], list[State]]:
    """Take handles and CALL_ONCE out of the main subgraph.

    Args:
        subgraphs: all of the file, the main one first.

    Returns:
        The main operators with variables as plain tensors, the tensors of the variables (indices after the file's
        own), the states.

    Raises:
        TinygenError: control flow, or a variable whose first value is not a constant.
    """
    main = subgraphs[0]
    initial: dict[Key, Tensor] = {}
    called: set[int] = set()
    for op in main.ops:
        if op.name == ONCE:
            called.add(_run_once(op, subgraphs, initial, name))
    if called != set(range(1, len(subgraphs))):
        rest = sorted(set(range(1, len(subgraphs))) - called)
        raise bad_input(
            f"{len(subgraphs)} subgraphs, and number {rest[0]} is called by no CALL_ONCE: no control flow is supported",
            where=name,
        )
    handles = _handles(main, name)
    first_index = len(main.table.tables("tensors", "tensor"))
    index_of: dict[Key, int] = {}
    tensors: list[Tensor] = []
    states: list[State] = []
    ops: list[Op] = []
    for op in main.ops:
        if op.name in (HANDLE, ONCE):
            continue
        if op.name not in (READ, ASSIGN):
            taken = next((i for i in op.inputs if i in handles), None)
            if taken is not None:
                raise _fail(name, op, f"takes the resource tensor {taken}; only {READ} and {ASSIGN} may")
            ops.append(op)
            continue
        wanted = (1, 1) if op.name == READ else (2, 0)
        if (len(op.inputs), len(op.outputs)) != wanted:
            raise _fail(name, op, f"has {len(op.inputs)} inputs and {len(op.outputs)} outputs, expected {wanted}")
        key = handles.get(op.inputs[0])
        if key is None:
            raise _fail(name, op, f"tensor {op.inputs[0]} is no variable: no {HANDLE} writes it")
        if key not in initial:
            raise _fail(name, op, f"variable '{key[1]}' has no first value; a {ONCE} subgraph must assign a constant")
        if key not in index_of:
            source = initial[key]
            index_of[key] = first_index + len(tensors)
            tensor = dataclasses.replace(source, index=index_of[key], name=key[1] or key[0], data=None)
            tensors.append(tensor)
            if source.data is not None:
                states.append(State(tensor=tensor.index, initial=source.data))
        state = index_of[key]
        ends = ((state,), op.outputs) if op.name == READ else ((op.inputs[1],), (state,))
        ops.append(dataclasses.replace(op, inputs=ends[0], outputs=ends[1]))
    return tuple(ops), tensors, states


def _fail(name: str, op: Op, message: str) -> TinygenError:
    return bad_input(message, where=f"{name}: {op.where}")


def _handles(subgraph: Subgraph, name: str) -> dict[int, Key]:
    tables = subgraph.table.tables("operators", "operator")
    found: dict[int, Key] = {}
    for op in subgraph.ops:
        if op.name != HANDLE:
            continue
        if len(op.outputs) != 1 or op.outputs[0] in found:
            raise _fail(name, op, "must write one resource tensor of its own")
        options = tables[op.position].union("builtin_options", "VarHandleOptions")
        found[op.outputs[0]] = ("", "") if options is None else (options.text("container"), options.text("shared_name"))
    return found


def _run_once(op: Op, subgraphs: list[Subgraph], initial: dict[Key, Tensor], name: str) -> int:
    options = (
        subgraphs[0].table.tables("operators", "operator")[op.position].union("builtin_options", "CallOnceOptions")
    )
    number = 0 if options is None else options.number("init_subgraph_index")
    if not 0 < number < len(subgraphs):
        raise _fail(name, op, f"calls subgraph {number}, there are {len(subgraphs)}")
    if any(other.name in (READ, ASSIGN) and other.position < op.position for other in subgraphs[0].ops):
        raise _fail(name, op, "stands after the first use of a variable")
    body = subgraphs[number]
    where = f"{name} (subgraph {number})"
    handles = _handles(body, where)
    for inner in body.ops:
        if inner.name == HANDLE:
            continue
        if inner.name != ASSIGN:
            raise _fail(where, inner, f"stands in a subgraph of {ONCE}, where only {HANDLE} and {ASSIGN} are supported")
        if len(inner.inputs) != 2 or inner.inputs[0] not in handles:
            raise _fail(where, inner, "assigns to no variable")
        value = body.read_tensor(inner.inputs[1])
        if value.data is None:
            raise _fail(where, inner, f"assigns '{value.name}', which is not a constant")
        initial[handles[inner.inputs[0]]] = value
    return number
