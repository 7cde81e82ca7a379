"""All operators, in one explicit tuple. A test checks that every file of this folder is in it."""

from __future__ import annotations

from tinygen.model.lowering import OpDef
from tinygen.model.ops.add import ADD, SUB
from tinygen.model.ops.binary import MAXIMUM, MINIMUM, MUL, PRELU
from tinygen.model.ops.cast import CAST
from tinygen.model.ops.conv2d import CONV_2D
from tinygen.model.ops.depthwise_conv2d import DEPTHWISE_CONV_2D
from tinygen.model.ops.elementwise import ABS, ELU, HARD_SWISH, LEAKY_RELU, LOGISTIC, RELU, RELU6, TANH
from tinygen.model.ops.fully_connected import FULLY_CONNECTED
from tinygen.model.ops.gather import GATHER, RESIZE_NEAREST_NEIGHBOR
from tinygen.model.ops.join import CONCATENATION, PACK
from tinygen.model.ops.lstm import UNIDIRECTIONAL_SEQUENCE_LSTM
from tinygen.model.ops.mean import MEAN
from tinygen.model.ops.pad import PAD, PADV2
from tinygen.model.ops.pool2d import AVERAGE_POOL_2D, MAX_POOL_2D
from tinygen.model.ops.quantize import DEQUANTIZE, QUANTIZE
from tinygen.model.ops.reduce import ARG_MAX, REDUCE_MAX, REDUCE_MIN, SUM
from tinygen.model.ops.reshape import EXPAND_DIMS, RESHAPE, SQUEEZE
from tinygen.model.ops.resize_bilinear import RESIZE_BILINEAR
from tinygen.model.ops.slice import SLICE, STRIDED_SLICE
from tinygen.model.ops.softmax import SOFTMAX
from tinygen.model.ops.split import SPLIT, SPLIT_V, UNPACK
from tinygen.model.ops.stream_rows import STREAM_ROWS
from tinygen.model.ops.svdf import SVDF
from tinygen.model.ops.table import TABLE
from tinygen.model.ops.transpose import DEPTH_TO_SPACE, SPACE_TO_DEPTH, TRANSPOSE
from tinygen.model.ops.transpose_conv import TRANSPOSE_CONV
from tinygen.model.ops.variable import ASSIGN_VARIABLE, READ_VARIABLE

OPS: tuple[OpDef, ...] = (
    ABS,
    ADD,
    ASSIGN_VARIABLE,
    AVERAGE_POOL_2D,
    CONCATENATION,
    CONV_2D,
    DEPTHWISE_CONV_2D,
    DEQUANTIZE,
    ELU,
    FULLY_CONNECTED,
    HARD_SWISH,
    LEAKY_RELU,
    LOGISTIC,
    MAX_POOL_2D,
    MEAN,
    PACK,
    PAD,
    QUANTIZE,
    READ_VARIABLE,
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
    SVDF,
    TANH,
    UNIDIRECTIONAL_SEQUENCE_LSTM,
    UNPACK,
    SUB,
    MUL,
    MINIMUM,
    MAXIMUM,
    PRELU,
    TRANSPOSE,
    DEPTH_TO_SPACE,
    SPACE_TO_DEPTH,
    GATHER,
    RESIZE_NEAREST_NEIGHBOR,
    RESIZE_BILINEAR,
    SUM,
    REDUCE_MAX,
    REDUCE_MIN,
    ARG_MAX,
    TRANSPOSE_CONV,
    PADV2,
    SQUEEZE,
    EXPAND_DIMS,
    CAST,
)


def find_op(name: str) -> OpDef | None:
    """The definition of an operator by TFLite's name, None when it is not supported."""
    return next((op for op in OPS if op.name == name), None)
