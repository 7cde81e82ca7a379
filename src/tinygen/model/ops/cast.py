"""CAST between integer types: the value as it is, cut to the narrower type's bits.

Source: tensorflow/lite/micro/kernels/cast.cc.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygen.model.ir import DType
from tinygen.model.lowering import Array, Lowered, OpContext, OpDef, expect_shape

_TYPES: tuple[DType, ...] = ("int8", "int16", "int32")
_CODES = {"int8": 0, "int16": 1, "int32": 2}


def _lower(ctx: OpContext) -> Lowered:
    ctx.arity((1, 1))
    source, output = ctx.tensor(0), ctx.tensors[ctx.op.outputs[0]]
    for tensor in (source, output):
        if tensor.dtype not in _TYPES:
            raise ctx.fail(f"casts {source.dtype} to {output.dtype}, supported: {', '.join(_TYPES)}")
    expect_shape(ctx, output, source.shape)
    return Lowered(params={"n_elements": output.n_elements, "output_type": _CODES[output.dtype]})


def _reference(lowered: Lowered, inputs: Sequence[Array], shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    dtype = (np.int8, np.int16, np.int32)[lowered.params["output_type"]]
    return [inputs[0].astype(dtype).reshape(shapes[0])]


CAST = OpDef(
    name="CAST",
    options_table="",
    options_required=False,
    data_inputs=(0,),
    lower=_lower,
    reference=_reference,
    types=_TYPES,
)
