"""What converters leave in a file and no program needs: shapes computed at run time, and islands of float operators.

Both are gone before anything else looks at the graph, because no kernel exists for what they are made of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tinygen.model.ir import Op, Tensor
from tinygen.model.lowering import Array, OpContext
from tinygen.model.ops.registry import find_op

Real = npt.NDArray[np.float32]

_WHOLE = ("int32", "int64")


def _cut(x: Real, low: float, high: float) -> Real:
    return np.minimum(np.maximum(x, np.float32(low)), np.float32(high))


def _rounded(function: Callable[[Real], Real]) -> Callable[[Real, Op], Real]:
    """A function computed in float64 and rounded once, as a good float32 library does."""
    return lambda x, op: function(x.astype(np.float64)).astype(np.float32)


def _logistic(x: Real, op: Op) -> Real:
    del op
    wide = x.astype(np.float64)
    # Beyond these limits TFLM takes 1 and exp(x). Source: internal/reference/logistic.h.
    middle = np.float32(1) / (np.float32(1) + np.exp(-wide).astype(np.float32))
    low = np.where(x < np.float32(-9.0), np.exp(wide).astype(np.float32), middle)
    return np.where(x > np.float32(16.619047164916992188), np.float32(1), low)


def _hard_swish(x: Real, op: Op) -> Real:
    del op
    return x * _cut(x + np.float32(3), 0, 6) / np.float32(6)


def _leaky(x: Real, op: Op) -> Real:
    return np.where(x > 0, x, x * np.float32(op.options.get("alpha", 0.0)))


def _elu(x: Real, op: Op) -> Real:
    del op
    return np.where(x < 0, np.expm1(np.minimum(x, 0).astype(np.float64)).astype(np.float32), x)


# float32 in, float32 out, proved entry by entry on the wheel (tests/property/test_model_simplify.py).
FLOAT_FUNCTIONS: Mapping[str, Callable[[Real, Op], Real]] = {
    "ABS": lambda x, op: np.abs(x),
    "COS": _rounded(np.cos),
    "ELU": _elu,
    "EXP": _rounded(np.exp),
    "FLOOR": lambda x, op: np.floor(x),
    "CEIL": lambda x, op: np.ceil(x),
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky,
    "LOG": _rounded(np.log),
    "LOGISTIC": _logistic,
    "NEG": lambda x, op: -x,
    "RELU": lambda x, op: np.maximum(x, np.float32(0)),
    "RELU6": lambda x, op: _cut(x, 0, 6),
    "RSQRT": lambda x, op: (np.float32(1) / np.sqrt(x)).astype(np.float32),
    "SIN": _rounded(np.sin),
    "SQRT": lambda x, op: np.sqrt(x),
    "SQUARE": lambda x, op: x * x,
    "TANH": _rounded(np.tanh),
}
# The same values under another shape: they may stand in an island too.
RESHAPES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
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
    kept = _without_islands(kept, tensors, outputs, model)
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
            raise context.fail(f"output '{tensor.name}' is declared {list(tensor.shape)}, not {list(result.shape)}")
        tensors[index] = dataclasses.replace(tensor, data=result.astype(np.dtype(tensor.dtype)))
    return True


def _without_islands(ops: list[Op], tensors: dict[int, Tensor], outputs: tuple[int, ...], model: str) -> list[Op]:
    writers = {index: op for op in ops for index in op.outputs}
    found: list[Op] = []
    for op in ops:
        chain = _island(op, writers, tensors)
        if chain is None:
            found.append(op)
            continue
        source, table = _source_and_table(chain, tensors, model)
        index = max(tensors) + 1
        like = tensors[source]
        tensors[index] = dataclasses.replace(
            like, index=index, name="table", shape=(256,), quantization=None, data=table
        )
        found.append(Op(position=op.position, name="TABLE", inputs=(source, index), outputs=op.outputs))
    # What only islands needed is gone with them.
    while True:
        read = {i for op in found for i in op.inputs} | set(outputs)
        alive = [op for op in found if not _is_float(op, tensors) or read & set(op.outputs)]
        if len(alive) == len(found):
            return alive
        found = alive


def refuse_float_arithmetic(ops: tuple[Op, ...], tensors: dict[int, Tensor], model: str) -> None:
    """Say of a float operator that is left why it is: its kernel could only say that float32 is the wrong type."""
    for op in ops:
        floats = [i for i in (*op.inputs, *op.outputs) if i >= 0 and tensors[i].dtype == "float32"]
        if op.name in ("QUANTIZE", "DEQUANTIZE", *RESHAPES) or not set(floats) & set(op.outputs):
            continue
        if all(tensors[i].dtype == "float32" and tensors[i].data is None for i in op.inputs[:1]):
            raise OpContext(model=model, op=op, tensors=tensors).fail(
                f"computes {op.name} in float32; from DEQUANTIZE of int8 to QUANTIZE to int8, a chain of "
                f"{', '.join(sorted(FLOAT_FUNCTIONS))} and of reshapes becomes a table, anything else must be integer",
                "quantise the whole model: representative_dataset and TFLITE_BUILTINS_INT8",
            )


def _is_float(op: Op, tensors: dict[int, Tensor]) -> bool:
    """DEQUANTIZE, a float function or a reshape: an operator without effects that an island may be made of."""
    return all(tensors[i].dtype == "float32" for i in op.outputs) and (
        op.name in ("DEQUANTIZE", *RESHAPES) or op.name in FLOAT_FUNCTIONS
    )


def _island(op: Op, writers: dict[int, Op], tensors: dict[int, Tensor]) -> list[Op] | None:
    """The operators from DEQUANTIZE of an int8 tensor to this QUANTIZE to int8, None when this is not one's end."""
    if op.name != "QUANTIZE" or len(op.inputs) != 1 or len(op.outputs) != 1:
        return None
    if tensors[op.outputs[0]].dtype != "int8" or tensors[op.inputs[0]].dtype != "float32":
        return None
    chain = [op]
    while chain[0].name != "DEQUANTIZE":
        before = writers.get(chain[0].inputs[0])
        if before is None or len(before.outputs) != 1:
            return None
        if before.name in RESHAPES:
            if any(i >= 0 and tensors[i].data is None for i in before.inputs[1:]):
                return None
        elif (
            len(before.inputs) != 1
            or (before.name != "DEQUANTIZE" and before.name not in FLOAT_FUNCTIONS)
            or tensors[before.inputs[0]].shape != tensors[before.outputs[0]].shape
        ):
            return None
        if tensors[before.inputs[0]].n_elements != tensors[before.outputs[0]].n_elements:
            return None
        if before.name != "DEQUANTIZE" and tensors[before.inputs[0]].dtype != "float32":
            return None
        chain.insert(0, before)
    source = tensors[chain[0].inputs[0]]
    return chain if source.dtype == "int8" and source.data is None else None


def _source_and_table(chain: list[Op], tensors: dict[int, Tensor], model: str) -> tuple[int, Array]:
    values: Array = np.arange(256, dtype=np.uint8).astype(np.int8)
    with np.errstate(all="ignore"):
        for op in chain:
            function = FLOAT_FUNCTIONS.get(op.name)
            if function is not None:
                values = np.asarray(function(values.astype(np.float32), op), np.float32)
                continue
            if op.name in RESHAPES:
                continue
            definition = find_op(op.name)
            context = OpContext(model=model, op=op, tensors=tensors)
            if definition is None:
                raise context.fail("unsupported operator")
            values = definition.reference(definition.lower(context), [values], [(256,)])[0]
    return chain[0].inputs[0], values
