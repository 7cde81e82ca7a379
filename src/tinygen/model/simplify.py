"""What converters leave in a file and no program needs: shapes computed at run time, and islands of float operators.

Both are gone before anything else looks at the graph, because no kernel exists for what they are made of.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tinygen.model.float_functions import FLOAT_FUNCTIONS
from tinygen.model.ir import Op, Tensor
from tinygen.model.islands import MOVES, RESHAPES, without_islands
from tinygen.model.lowering import Array, OpContext
from tinygen.model.ops.registry import find_op

_WHOLE = ("int32", "int64")
# Operators that put float32 tensors together or apart, value by value as they are.
_BUNDLES = ("CONCATENATION", "PACK", "SPLIT", "SPLIT_V", "UNPACK")
# Operators that may stand in a file although there is no kernel for them, if they fold away.
FOLDABLE = frozenset({"SHAPE", *FLOAT_FUNCTIONS})


def simplify(
    ops: tuple[Op, ...], tensors: dict[int, Tensor], outputs: tuple[int, ...], model: str
) -> tuple[tuple[Op, ...], dict[int, Tensor]]:
    """Fold integer arithmetic on constants and shapes, and turn float islands into tables.

    Args:
        ops: in an order in which every input exists.
        outputs: the model's outputs, which stay.

    Raises:
        TinygenError: a folded operator makes something else than its tensor declares.
    """
    tensors = dict(tensors)
    kept = [op for op in ops if not _folds(op, tensors, outputs, model)]
    kept = without_islands(kept, tensors, outputs, model)
    used = {i for op in kept for i in (*op.inputs, *op.outputs)} | set(outputs)
    known = {i for op in ops for i in (*op.inputs, *op.outputs)}
    return tuple(kept), {i: tensor for i, tensor in tensors.items() if i in used or i not in known}


def _folds(op: Op, tensors: dict[int, Tensor], outputs: tuple[int, ...], model: str) -> bool:
    """Compute an operator on constants (or shapes, which are fixed) now; its outputs become constants."""
    if not op.outputs or any(i in outputs or tensors[i].dtype not in _WHOLE for i in op.outputs):
        return False
    context = OpContext(model=model, op=op, tensors=tensors)
    definition = find_op(op.name)
    if op.name == "SHAPE":
        context.arity((1, 1))
        results: list[Array] = [np.array(context.tensor(0).shape)]
    elif definition is not None and all(i < 0 or tensors[i].data is not None for i in op.inputs):
        if any(tensors[op.inputs[slot]].dtype not in _WHOLE for slot in definition.slots(op)):
            return False
        lowered = definition.lower(context)
        given = [tensors[op.inputs[slot]].data for slot in definition.slots(op)]
        constant = [data for data in given if data is not None]
        results = definition.reference(lowered, constant, [tensors[i].shape for i in op.outputs])
    else:
        return False
    for index, result in zip(op.outputs, results, strict=True):
        tensor = tensors[index]
        if result.shape != tensor.shape:
            raise context.fail(f"output '{tensor.label}' is declared {list(tensor.shape)}, not {list(result.shape)}")
        tensors[index] = dataclasses.replace(tensor, data=result.astype(np.dtype(tensor.dtype)))
    return True


def refuse_float_arithmetic(ops: tuple[Op, ...], tensors: dict[int, Tensor], model: str) -> None:
    """Say of a float operator that is left why it is: its kernel could only say that float32 is the wrong type."""
    for op in ops:
        floats = [i for i in (*op.inputs, *op.outputs) if i >= 0 and tensors[i].dtype == "float32"]
        if op.name in ("QUANTIZE", "DEQUANTIZE", *RESHAPES, *MOVES, *_BUNDLES) or not set(floats) & set(op.outputs):
            continue
        if all(tensors[i].dtype == "float32" and tensors[i].data is None for i in op.inputs[:1]):
            raise OpContext(model=model, op=op, tensors=tensors).fail(
                f"computes {op.name} in float32; from DEQUANTIZE of int8 to QUANTIZE to int8, a chain of "
                f"{', '.join(sorted(FLOAT_FUNCTIONS))}, of reshapes and moves becomes a table; all else must be "
                "integer",
                "quantise the whole model: representative_dataset and TFLITE_BUILTINS_INT8",
            )
