"""All operators, in one explicit tuple. A test checks that every file of this folder is in it."""

from __future__ import annotations

from tinygen.model.lowering import OpDef
from tinygen.model.ops.add import ADD
from tinygen.model.ops.conv2d import CONV_2D
from tinygen.model.ops.depthwise_conv2d import DEPTHWISE_CONV_2D
from tinygen.model.ops.elementwise import LOGISTIC, RELU, RELU6
from tinygen.model.ops.fully_connected import FULLY_CONNECTED
from tinygen.model.ops.join import CONCATENATION, PACK
from tinygen.model.ops.mean import MEAN
from tinygen.model.ops.pad import PAD
from tinygen.model.ops.pool2d import AVERAGE_POOL_2D, MAX_POOL_2D
from tinygen.model.ops.reshape import RESHAPE
from tinygen.model.ops.slice import SLICE, STRIDED_SLICE
from tinygen.model.ops.softmax import SOFTMAX
from tinygen.model.ops.split import SPLIT, SPLIT_V, UNPACK
from tinygen.model.ops.stream_rows import STREAM_ROWS
from tinygen.model.ops.table import TABLE

OPS: tuple[OpDef, ...] = (
    ADD,
    AVERAGE_POOL_2D,
    CONCATENATION,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    FULLY_CONNECTED,
    LOGISTIC,
    MAX_POOL_2D,
    MEAN,
    PACK,
    PAD,
    RELU,
    RELU6,
    RESHAPE,
    SLICE,
    SOFTMAX,
    STREAM_ROWS,
    TABLE,
    SPLIT,
    SPLIT_V,
    STRIDED_SLICE,
    UNPACK,
)


def find_op(name: str) -> OpDef | None:
    """The definition of an operator by TFLite's name, None when it is not supported."""
    return next((op for op in OPS if op.name == name), None)
