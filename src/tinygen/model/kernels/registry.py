"""All kernels in one explicit tuple; for each operator the preferred one first."""

from __future__ import annotations

from tinygen.model.kernels.base import KernelDef
from tinygen.model.kernels.convolution import (
    CONV_2D_INT8_1X1,
    CONV_2D_INT8_GENERIC,
    DEPTHWISE_CONV_2D_INT8_BLOCKS,
    DEPTHWISE_CONV_2D_INT8_GENERIC,
    DEPTHWISE_CONV_2D_INT8_IN_PLACE,
    FULLY_CONNECTED_INT8_PER_CHANNEL,
    FULLY_CONNECTED_INT8_PER_TENSOR,
)
from tinygen.model.kernels.movement import (
    CONCATENATION_ANY_ROWS,
    PACK_ANY_ROWS,
    SLICE_ANY_STRIDED,
    SPLIT_ANY_ROWS,
    SPLIT_V_ANY_ROWS,
    STRIDED_SLICE_ANY_STRIDED,
    UNPACK_ANY_ROWS,
)
from tinygen.model.kernels.simple import (
    ADD_INT8_BROADCAST,
    ADD_INT8_SAME_SHAPE,
    AVERAGE_POOL_2D_INT8_GENERIC,
    LOGISTIC_INT8_TABLE,
    MAX_POOL_2D_INT8_GENERIC,
    MEAN_INT8_GENERIC,
    PAD_INT8_GENERIC,
    RELU6_INT8_TABLE,
    RELU_INT8_TABLE,
    RESHAPE_INT8_ALIAS,
    SOFTMAX_INT8_TABLE,
    TABLE_INT8_TABLE,
)
from tinygen.model.kernels.streaming import STREAM_ROWS_INT8_SHIFT

KERNELS: tuple[KernelDef, ...] = (
    ADD_INT8_SAME_SHAPE,
    ADD_INT8_BROADCAST,
    AVERAGE_POOL_2D_INT8_GENERIC,
    CONV_2D_INT8_1X1,
    CONV_2D_INT8_GENERIC,
    DEPTHWISE_CONV_2D_INT8_BLOCKS,
    DEPTHWISE_CONV_2D_INT8_GENERIC,
    DEPTHWISE_CONV_2D_INT8_IN_PLACE,
    FULLY_CONNECTED_INT8_PER_TENSOR,
    FULLY_CONNECTED_INT8_PER_CHANNEL,
    LOGISTIC_INT8_TABLE,
    MAX_POOL_2D_INT8_GENERIC,
    MEAN_INT8_GENERIC,
    PAD_INT8_GENERIC,
    RELU_INT8_TABLE,
    RELU6_INT8_TABLE,
    RESHAPE_INT8_ALIAS,
    SOFTMAX_INT8_TABLE,
    STREAM_ROWS_INT8_SHIFT,
    TABLE_INT8_TABLE,
    CONCATENATION_ANY_ROWS,
    PACK_ANY_ROWS,
    SLICE_ANY_STRIDED,
    SPLIT_ANY_ROWS,
    SPLIT_V_ANY_ROWS,
    STRIDED_SLICE_ANY_STRIDED,
    UNPACK_ANY_ROWS,
)


def candidates(op: str) -> tuple[KernelDef, ...]:
    """The kernels of an operator, the preferred one first."""
    return tuple(kernel for kernel in KERNELS if kernel.op == op)


def find_kernel(kernel_id: str) -> KernelDef:
    """A kernel by its id.

    Raises:
        KeyError: no such kernel.
    """
    for kernel in KERNELS:
        if kernel.id == kernel_id:
            return kernel
    raise KeyError(kernel_id)
