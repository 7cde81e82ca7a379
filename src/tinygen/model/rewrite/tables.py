"""A chain of one-input elementwise operators becomes one table of 256 results."""

from __future__ import annotations

import numpy as np

from tinygen.model.ir import Op
from tinygen.model.lowering import Array
from tinygen.model.rewrite.base import Draft, Pass, title


def _table(draft: Draft, op: Op) -> Array | None:
    """The 256 results of an operator that is lowered to them."""
    data = [i for i in op.inputs if i >= 0 and draft.tensors[i].data is None]
    if len(data) != 1 or len(op.outputs) != 1 or draft.definition(op) is None:
        return None
    table = draft.lowered(op).constants.get("table")
    same = draft.tensors[op.outputs[0]].shape == draft.tensors[data[0]].shape
    return table if table is not None and table.size == 256 and table.dtype == np.int8 and same else None


def _run(draft: Draft) -> None:
    for second in list(draft.ops):
        behind = _table(draft, second)
        if behind is None:
            continue
        first = draft.writer(second.inputs[0])
        ahead = None if first is None else _table(draft, first)
        if first is None or ahead is None or draft.only_reader(second.inputs[0]) is None:
            continue
        both = behind[ahead.astype(np.int8).view(np.uint8)]
        constant = draft.constant(draft.tensors[first.outputs[0]], both, None)
        joined = Op(position=second.position, name="TABLE", inputs=(first.inputs[0], constant), outputs=second.outputs)
        draft.replace(first)
        draft.replace(second, joined)
        del draft.tensors[first.outputs[0]]
        draft.changes.append(f"{first.where} and {title(draft, second)}: one table")


TABLES = Pass(
    name="elementwise tables",
    obligation="both operators are functions of one byte, given by all 256 results of the reference, and nobody else "
    "reads what lies between them",
    run=_run,
)
