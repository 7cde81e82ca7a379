"""NumPy-style broadcasting of two inputs as strides of up to four loops."""

from __future__ import annotations

import numpy as np

from tinygen.model.ir import Tensor
from tinygen.model.lowering import OpContext, expect_shape

MAX_RANK = 4


def broadcast_params(ctx: OpContext, first: Tensor, second: Tensor, output: Tensor) -> dict[str, int]:
    """Sizes of the output and strides of both inputs, 0 where an input is repeated.

    Raises:
        TinygenError: the shapes do not broadcast, or not to the output's.
    """
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError as error:
        raise ctx.fail(f"shapes {list(first.shape)} and {list(second.shape)} do not broadcast") from error
    expect_shape(ctx, output, tuple(shape))
    params = {"n_elements": output.n_elements, "same_shape": int(first.shape == second.shape)}
    wide = (1,) * (MAX_RANK - len(shape)) + tuple(shape)
    for number, tensor in ((1, first), (2, second)):
        own = (1,) * (MAX_RANK - len(tensor.shape)) + tensor.shape
        stride = 1
        for i in reversed(range(MAX_RANK)):
            params[f"stride_{number}_{i}"] = 0 if own[i] == 1 else stride
            stride *= own[i]
    for i, size in enumerate(wide):
        params[f"size_{i}"] = size
    return params
