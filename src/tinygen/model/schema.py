"""The part of the TFLite flatbuffer schema that tinygen reads and writes, as data.

Reader (`flatbuffer.py`) and writer (`builder.py`) share these tables.

Source: tensorflow/lite/schema/schema.fbs (schema version 3): field order gives the slot numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinygen.model.ir import DType

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

FieldType = Literal[
    "bool",
    "i8",
    "u8",
    "i32",
    "u32",
    "u64",
    "f32",
    "string",
    "table",
    "union",
    "[u8]",
    "[i32]",
    "[i64]",
    "[f32]",
    "[table]",
]

SCALAR_BYTES: dict[str, int] = {"bool": 1, "i8": 1, "u8": 1, "i32": 4, "u32": 4, "f32": 4, "i64": 8, "u64": 8}
SCALAR_FORMAT: dict[str, str] = {
    "bool": "<B",
    "i8": "<b",
    "u8": "<B",
    "i32": "<i",
    "u32": "<I",
    "f32": "<f",
    "i64": "<q",
    "u64": "<Q",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of a table: its vtable slot, its type, the default of a scalar, the table an offset leads to."""

    slot: int
    type: FieldType
    default: float = 0
    table: str = ""


def _scalar(slot: int, kind: FieldType, default: float = 0) -> Field:
    return Field(slot=slot, type=kind, default=default)


def _vector(slot: int, kind: FieldType) -> Field:
    return Field(slot=slot, type=kind)


def _table(slot: int, name: str) -> Field:
    return Field(slot=slot, type="table", table=name)


def _tables(slot: int, name: str) -> Field:
    return Field(slot=slot, type="[table]", table=name)


TABLES: dict[str, dict[str, Field]] = {
    "Model": {
        "version": _scalar(0, "u32"),
        "operator_codes": _tables(1, "OperatorCode"),
        "subgraphs": _tables(2, "SubGraph"),
        "description": _vector(3, "string"),
        "buffers": _tables(4, "Buffer"),
    },
    "OperatorCode": {
        "deprecated_builtin_code": _scalar(0, "i8"),
        "custom_code": _vector(1, "string"),
        "version": _scalar(2, "i32", 1),
        "builtin_code": _scalar(3, "i32"),
    },
    "SubGraph": {
        "tensors": _tables(0, "Tensor"),
        "inputs": _vector(1, "[i32]"),
        "outputs": _vector(2, "[i32]"),
        "operators": _tables(3, "Operator"),
        "name": _vector(4, "string"),
    },
    "Tensor": {
        "shape": _vector(0, "[i32]"),
        "type": _scalar(1, "i8"),
        "buffer": _scalar(2, "u32"),
        "name": _vector(3, "string"),
        "quantization": _table(4, "QuantizationParameters"),
        "is_variable": _scalar(5, "bool"),
        "sparsity": _table(6, "SparsityParameters"),
        "shape_signature": _vector(7, "[i32]"),
        "has_rank": _scalar(8, "bool"),
    },
    "SparsityParameters": {},
    "QuantizationParameters": {
        "min": _vector(0, "[f32]"),
        "max": _vector(1, "[f32]"),
        "scale": _vector(2, "[f32]"),
        "zero_point": _vector(3, "[i64]"),
        "details_type": _scalar(4, "u8"),
        "quantized_dimension": _scalar(6, "i32"),
    },
    "Buffer": {
        "data": _vector(0, "[u8]"),
        "offset": _scalar(1, "u64"),
        "size": _scalar(2, "u64"),
    },
    "Operator": {
        "opcode_index": _scalar(0, "u32"),
        "inputs": _vector(1, "[i32]"),
        "outputs": _vector(2, "[i32]"),
        "builtin_options_type": _scalar(3, "u8"),
        "builtin_options": Field(slot=4, type="union"),
        "intermediates": _vector(8, "[i32]"),
    },
    "Conv2DOptions": {
        "padding": _scalar(0, "i8"),
        "stride_w": _scalar(1, "i32"),
        "stride_h": _scalar(2, "i32"),
        "fused_activation_function": _scalar(3, "i8"),
        "dilation_w_factor": _scalar(4, "i32", 1),
        "dilation_h_factor": _scalar(5, "i32", 1),
        "quantized_bias_type": _scalar(6, "i8"),
    },
    "DepthwiseConv2DOptions": {
        "padding": _scalar(0, "i8"),
        "stride_w": _scalar(1, "i32"),
        "stride_h": _scalar(2, "i32"),
        "depth_multiplier": _scalar(3, "i32"),
        "fused_activation_function": _scalar(4, "i8"),
        "dilation_w_factor": _scalar(5, "i32", 1),
        "dilation_h_factor": _scalar(6, "i32", 1),
    },
    "Pool2DOptions": {
        "padding": _scalar(0, "i8"),
        "stride_w": _scalar(1, "i32"),
        "stride_h": _scalar(2, "i32"),
        "filter_width": _scalar(3, "i32"),
        "filter_height": _scalar(4, "i32"),
        "fused_activation_function": _scalar(5, "i8"),
    },
    "FullyConnectedOptions": {
        "fused_activation_function": _scalar(0, "i8"),
        "weights_format": _scalar(1, "i8"),
        "keep_num_dims": _scalar(2, "bool"),
        "asymmetric_quantize_inputs": _scalar(3, "bool"),
        "quantized_bias_type": _scalar(4, "i8"),
    },
    "SoftmaxOptions": {"beta": _scalar(0, "f32")},
    "AddOptions": {
        "fused_activation_function": _scalar(0, "i8"),
        "pot_scale_int16": _scalar(1, "bool", 1),
    },
    "ReshapeOptions": {"new_shape": _vector(0, "[i32]")},
    "PadOptions": {},
    "ReducerOptions": {"keep_dims": _scalar(0, "bool")},
    "ConcatenationOptions": {"axis": _scalar(0, "i32"), "fused_activation_function": _scalar(1, "i8")},
    "PackOptions": {"values_count": _scalar(0, "i32"), "axis": _scalar(1, "i32")},
    "UnpackOptions": {"num": _scalar(0, "i32"), "axis": _scalar(1, "i32")},
    "StridedSliceOptions": {
        "begin_mask": _scalar(0, "i32"),
        "end_mask": _scalar(1, "i32"),
        "ellipsis_mask": _scalar(2, "i32"),
        "new_axis_mask": _scalar(3, "i32"),
        "shrink_axis_mask": _scalar(4, "i32"),
        "offset": _scalar(5, "bool"),
    },
    "SplitOptions": {"num_splits": _scalar(0, "i32")},
    "SplitVOptions": {"num_splits": _scalar(0, "i32")},
    "SqueezeOptions": {"squeeze_dims": _vector(0, "[i32]")},
    "GatherOptions": {"axis": _scalar(0, "i32"), "batch_dims": _scalar(1, "i32")},
    "ResizeNearestNeighborOptions": {"align_corners": _scalar(0, "bool"), "half_pixel_centers": _scalar(1, "bool")},
    # Slots 0 and 1 were the output size once.
    "ResizeBilinearOptions": {"align_corners": _scalar(2, "bool"), "half_pixel_centers": _scalar(3, "bool")},
    "LeakyReluOptions": {"alpha": _scalar(0, "f32")},
    "ArgMaxOptions": {"output_type": _scalar(0, "i8")},
    "CastOptions": {"in_data_type": _scalar(0, "i8"), "out_data_type": _scalar(1, "i8")},
    "DepthToSpaceOptions": {"block_size": _scalar(0, "i32")},
    "SpaceToDepthOptions": {"block_size": _scalar(0, "i32")},
    "TransposeConvOptions": {
        "padding": _scalar(0, "i8"),
        "stride_w": _scalar(1, "i32"),
        "stride_h": _scalar(2, "i32"),
        "fused_activation_function": _scalar(3, "i8"),
        "quantized_bias_type": _scalar(4, "i8"),
    },
    "MulOptions": {"fused_activation_function": _scalar(0, "i8")},
    "SubOptions": {"fused_activation_function": _scalar(0, "i8"), "pot_scale_int16": _scalar(1, "bool", 1)},
    "ShapeOptions": {"out_type": _scalar(0, "i8")},
    "QuantizeOptions": {},
    "DequantizeOptions": {},
    "VarHandleOptions": {"container": _vector(0, "string"), "shared_name": _vector(1, "string")},
    "CallOnceOptions": {"init_subgraph_index": _scalar(0, "i32")},
    "SVDFOptions": {
        "rank": _scalar(0, "i32"),
        "fused_activation_function": _scalar(1, "i8"),
        "asymmetric_quantize_inputs": _scalar(2, "bool"),
    },
    "UnidirectionalSequenceLSTMOptions": {
        "fused_activation_function": _scalar(0, "i8"),
        "cell_clip": _scalar(1, "f32"),
        "proj_clip": _scalar(2, "f32"),
        "time_major": _scalar(3, "bool"),
        "asymmetric_quantize_inputs": _scalar(4, "bool"),
        "diagonal_recurrent_tensors": _scalar(5, "bool"),
    },
}

# Number of an options table in the BuiltinOptions union.
OPTIONS_TYPES: dict[str, int] = {
    "Conv2DOptions": 1,
    "DepthwiseConv2DOptions": 2,
    "Pool2DOptions": 5,
    "SVDFOptions": 6,
    "FullyConnectedOptions": 8,
    "SoftmaxOptions": 9,
    "ConcatenationOptions": 10,
    "AddOptions": 11,
    "ResizeBilinearOptions": 15,
    "ReshapeOptions": 17,
    "SpaceToDepthOptions": 19,
    "MulOptions": 21,
    "PadOptions": 22,
    "GatherOptions": 23,
    "ReducerOptions": 27,
    "SubOptions": 28,
    "SqueezeOptions": 30,
    "StridedSliceOptions": 32,
    "SplitOptions": 35,
    "CastOptions": 37,
    "DequantizeOptions": 38,
    "ArgMaxOptions": 40,
    "TransposeConvOptions": 49,
    "ShapeOptions": 55,
    "PackOptions": 59,
    "UnpackOptions": 64,
    "UnidirectionalSequenceLSTMOptions": 71,
    "ResizeNearestNeighborOptions": 74,
    "LeakyReluOptions": 75,
    "SplitVOptions": 79,
    "QuantizeOptions": 89,
    "DepthToSpaceOptions": 94,
    "CallOnceOptions": 103,
    "VarHandleOptions": 111,
}

TENSOR_TYPES: dict[int, str] = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    15: "uint32",
    16: "uint16",
    17: "int4",
    18: "bfloat16",
    19: "int2",
    20: "uint4",
}
# The types the compiler's values can carry; others are refused where an operator meets them.
DTYPES: dict[str, DType] = {
    "float32": "float32",
    "int32": "int32",
    "uint8": "uint8",
    "int64": "int64",
    "bool": "bool",
    "int16": "int16",
    "int8": "int8",
    "int4": "int4",
    "resource": "resource",
}

PADDINGS: dict[int, str] = {0: "same", 1: "valid"}
ACTIVATIONS: dict[int, str] = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6", 4: "tanh", 5: "sign_bit"}

CUSTOM_CODE = 32
PLACEHOLDER_FOR_GREATER_CODES = 127
# In the order of the schema's enum, for errors; an operator number that is not here is called by its number.
_OPERATOR_WORDS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN
GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM
STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM
CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN
TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN
FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV
REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE
MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG
QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND
SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO
RFFT2D CONV_3D IMAG REAL COMPLEX_ABS HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL
CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE
RANDOM_UNIFORM MULTINOMIAL GELU
"""
OPERATOR_NAMES: dict[int, str] = dict(enumerate(_OPERATOR_WORDS.split()))
