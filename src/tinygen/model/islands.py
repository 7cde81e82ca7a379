"""Islands of float32 operators between integers, as converters leave them: from DEQUANTIZE of int8 to QUANTIZE to int8.

What such a chain computes of a value is one of 256 results, a table. Operators of the chain that only give the values
other places commute with it and stay, moving a quarter of the bytes.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tinygen.model.float_functions import FLOAT_FUNCTIONS
from tinygen.model.ir import Op, Tensor
from tinygen.model.lowering import Array, OpContext
from tinygen.model.ops.registry import find_op

# The same values under another shape.
RESHAPES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
# Values of their one input in another order, or some of them.
MOVES = ("TRANSPOSE", "SLICE", "STRIDED_SLICE", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH")


def without_islands(ops: list[Op], tensors: dict[int, Tensor], outputs: tuple[int, ...], model: str) -> list[Op]:
    """The operators with every island replaced by its moves and its table; new tensors are added to `tensors`."""
    writers = {index: op for op in ops for index in op.outputs}
    found: list[Op] = []
    for op in ops:
        chain = _island(op, writers, tensors)
        if chain is None:
            found.append(op)
            continue
        table = _table(chain, tensors, model)
        source, moves = _moved(chain, tensors)
        index = max(tensors) + 1
        like = tensors[source]
        tensors[index] = dataclasses.replace(
            like, index=index, name="table", shape=(256,), quantization=None, data=table
        )
        found += [*moves, Op(position=op.position, name="TABLE", inputs=(source, index), outputs=op.outputs)]
    # What only islands needed is gone with them.
    while True:
        read = {i for op in found for i in op.inputs} | set(outputs)
        alive = [op for op in found if not _is_float(op, tensors) or read & set(op.outputs)]
        if len(alive) == len(found):
            return alive
        found = alive


def _is_float(op: Op, tensors: dict[int, Tensor]) -> bool:
    """An operator without effects that an island may be made of."""
    return all(tensors[i].dtype == "float32" for i in op.outputs) and (
        op.name in ("DEQUANTIZE", *RESHAPES, *MOVES) or op.name in FLOAT_FUNCTIONS
    )


def _may_follow(op: Op, tensors: dict[int, Tensor]) -> bool:
    """Whether an operator whose result is float32 may be part of an island."""
    if len(op.outputs) != 1 or not op.inputs or min(op.inputs[0], *op.outputs) < 0:
        return False
    source, output = tensors[op.inputs[0]], tensors[op.outputs[0]]
    if op.name == "DEQUANTIZE":
        return len(op.inputs) == 1 and source.shape == output.shape
    if source.dtype != "float32":
        return False
    if op.name in FLOAT_FUNCTIONS:
        return len(op.inputs) == 1 and source.shape == output.shape
    fixed = all(i < 0 or tensors[i].data is not None for i in op.inputs[1:])
    return fixed and (op.name in MOVES or (op.name in RESHAPES and source.n_elements == output.n_elements))


def _island(op: Op, writers: dict[int, Op], tensors: dict[int, Tensor]) -> list[Op] | None:
    """The operators from DEQUANTIZE of an int8 tensor to this QUANTIZE to int8, None when this is not one's end."""
    if op.name != "QUANTIZE" or len(op.inputs) != 1 or len(op.outputs) != 1:
        return None
    if tensors[op.outputs[0]].dtype != "int8" or tensors[op.inputs[0]].dtype != "float32":
        return None
    if tensors[op.outputs[0]].shape != tensors[op.inputs[0]].shape:
        return None
    chain = [op]
    while chain[0].name != "DEQUANTIZE":
        before = writers.get(chain[0].inputs[0])
        if before is None or not _may_follow(before, tensors):
            return None
        chain.insert(0, before)
    source = tensors[chain[0].inputs[0]]
    return chain if source.dtype == "int8" and source.data is None else None


def _moved(chain: list[Op], tensors: dict[int, Tensor]) -> tuple[int, list[Op]]:
    """The tensor of the island's int8 values at their last places, and the operators that bring them there."""
    at, moves = chain[0].inputs[0], []
    last = max((number for number, op in enumerate(chain) if op.name in MOVES), default=-1)
    for op in chain[: last + 1]:
        if op.name not in (*RESHAPES, *MOVES):
            continue
        index = max(tensors) + 1
        result = tensors[op.outputs[0]]
        tensors[index] = dataclasses.replace(tensors[at], index=index, name=result.name, shape=result.shape, made=True)
        moves.append(dataclasses.replace(op, inputs=(at, *op.inputs[1:]), outputs=(index,)))
        at = index
    return at, moves


def _table(chain: list[Op], tensors: dict[int, Tensor], model: str) -> Array:
    """The island's result for every int8 value, int8 [256]."""
    values: Array = np.arange(256, dtype=np.uint8).astype(np.int8)
    with np.errstate(all="ignore"):
        for op in chain:
            function = FLOAT_FUNCTIONS.get(op.name)
            if function is not None:
                values = np.asarray(function(values.astype(np.float32), op), np.float32)
                continue
            if op.name in (*RESHAPES, *MOVES):
                continue
            definition = find_op(op.name)
            context = OpContext(model=model, op=op, tensors=tensors)
            if definition is None:
                raise context.fail("unsupported operator")
            values = definition.reference(definition.lower(context), [values], [(256,)])[0]
    return values
