"""Small models with state and with types other than int8, for tests: recurrent layers and conversions.

Like `random_graphs.py`, the files are written directly; the same seed gives the same file.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.model.builder import ModelBuilder, Record
from tinygen.model.ir import DType, Tensor

Array = npt.NDArray[np.generic]


def sequence(rng: np.random.Generator, like: Tensor, count: int) -> list[Array]:
    """Random inputs for an integer tensor, both extremes, and the first one again."""
    limits = np.iinfo(np.dtype(like.dtype))
    kind = np.dtype(like.dtype)
    random_ones: list[Array] = [
        rng.integers(limits.min, limits.max, like.shape, endpoint=True).astype(kind) for _ in range(count)
    ]
    return [*random_ones, *(np.full(like.shape, end, kind) for end in (limits.min, limits.max)), random_ones[0]]


def scale(rng: np.random.Generator, low: float, high: float) -> float:
    """A random float32 scale, evenly spread over the orders of magnitude."""
    return float(np.float32(np.exp(rng.uniform(np.log(low), np.log(high)))))


def lstm_model(seed: int, *, whole_words: bool = False, dtype: DType = "int8") -> bytes:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM; inputs and cells in multiples of four where asked.

    Args:
        dtype: of input, hidden state and output, int8 or int16.
    """
    rng = np.random.default_rng(seed)
    in_c, cells, steps = (int(n) for n in rng.integers(1, 9, 3))
    if whole_words:
        in_c, cells = 4 * in_c, 4 * cells
    b = ModelBuilder()
    wide = dtype == "int16"
    in_scale, hidden_scale = scale(rng, 0.002, 0.1), scale(rng, 0.003, 0.02)
    zero, hidden_zero = int(rng.integers(-128, 128)), int(rng.choice([0, 0, 5, -20]))
    if wide:
        in_scale, hidden_scale, zero, hidden_zero = in_scale / 256, hidden_scale / 256, 0, 0
    x = b.tensor("x", dtype, (1, steps, in_c), scales=[in_scale], zero_points=[zero])

    def matrix(rows: int, columns: int) -> int:
        data = rng.integers(-127, 128, (rows, columns)).astype(np.int8)
        return b.tensor("w", "int8", data.shape, scales=[scale(rng, 0.001, 0.05)], data=data)

    own, back = [matrix(cells, in_c) for _ in range(4)], [matrix(cells, cells) for _ in range(4)]
    reach = 768000 if wide else 3000
    kind: DType = "int64" if wide else "int32"
    biases = [
        b.tensor("b", kind, (cells,), scales=[1e-4], data=rng.integers(-reach, reach, cells).astype(kind))
        for _ in range(4)
    ]
    hidden = b.variable("h", dtype, (1, cells), scales=[hidden_scale], zero_points=[hidden_zero])
    cell_power = int(rng.choice([-15, -12, -11, -9]))
    cell = b.variable("c", "int16", (1, cells), scales=[2.0**cell_power])
    none = [b.tensor("i", "float32", (0,)) for _ in range(4)]
    effective = b.tensor("e", dtype, (0,), scales=[hidden_scale], zero_points=[hidden_zero])
    y = b.tensor("y", dtype, (1, steps, cells), scales=[hidden_scale], zero_points=[hidden_zero])
    clip = float(rng.choice([0.0, 0.0, 2.0, 0.3]))
    options = Record("UnidirectionalSequenceLSTMOptions", {"fused_activation_function": 4, "cell_clip": clip})
    inputs = [x, *own, *back, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
    b.op("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [y], options, intermediates=[*none, effective])
    return b.finish([x], [y])


def wide_lstm_model(seed: int) -> bytes:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM of int16 values."""
    return lstm_model(seed, dtype="int16")


def svdf_model(seed: int, *, bias_scale_off: float = 0.0) -> bytes:
    """One SVDF; the bias's scale may be off what state and time weights make."""
    rng = np.random.default_rng(seed)
    in_c, units, memory = (int(n) for n in rng.integers(1, 9, 3))
    batch, rank = int(rng.choice([1, 1, 2])), int(rng.choice([1, 1, 2]))
    filters = units * rank
    in_scale, state_scale, out_scale = scale(rng, 0.01, 0.3), scale(rng, 0.01, 1.0), scale(rng, 0.01, 0.5)
    w_scale, t_scale = scale(rng, 0.002, 0.02), scale(rng, 0.002, 0.02)
    b = ModelBuilder()
    points = [int(n) for n in rng.integers(-128, 128, 2)]
    x = b.tensor("x", "int8", (batch, in_c), scales=[in_scale], zero_points=[points[0]])
    feature = rng.integers(-127, 128, (filters, in_c)).astype(np.int8)
    time = rng.integers(-127, 128, (filters, memory)).astype(np.int8)
    w = b.tensor("w", "int8", feature.shape, scales=[w_scale], data=feature)
    t = b.tensor("t", "int8", time.shape, scales=[t_scale], data=time)
    bias = rng.integers(-2000, 2000, units).astype(np.int32)
    product = float(np.float32(state_scale) * np.float32(t_scale))
    c = b.tensor("b", "int32", bias.shape, scales=[product + bias_scale_off], data=bias)
    state = b.variable("s", "int8", (batch, filters * memory), scales=[state_scale], zero_points=[points[1]])
    y = b.tensor("y", "int8", (batch, units), scales=[out_scale], zero_points=[-128])
    b.op("SVDF", [x, w, t, c, state], [y], Record("SVDFOptions", {"rank": rank, "fused_activation_function": 1}))
    return b.finish([x], [y])


def conversion(op: str, source: tuple[DType, float, int], target: tuple[DType, float, int], size: int) -> bytes:
    """One QUANTIZE, DEQUANTIZE... of `size` values; (type, scale, zero point), scale 0 for none."""
    b = ModelBuilder()
    ends = [
        b.tensor(name, dtype, (1, size), scales=[s] if s else [], zero_points=[z] if s else [])
        for name, (dtype, s, z) in (("x", source), ("y", target))
    ]
    b.op(op, ends[:1], ends[1:])
    return b.finish(ends[:1], ends[1:])


def moved_floats() -> bytes:
    """Float32 that is only moved: transposed and cut on the way in, joined, split and packed on the way out."""
    builder = ModelBuilder()

    def whole(values: list[int]) -> int:
        return builder.tensor("c", "int32", (len(values),), data=np.array(values, np.int32))

    x = builder.tensor("x", "float32", (1, 6, 4, 4))
    cut, turned = builder.tensor("f0", "float32", (1, 4, 4, 4)), builder.tensor("f1", "float32", (1, 4, 4, 4))
    builder.op("SLICE", [x, whole([0, 1, 0, 0]), whole([1, 4, 4, 4])], [cut])
    builder.op("TRANSPOSE", [cut, whole([0, 3, 1, 2])], [turned])
    deep = builder.tensor("f2", "float32", (1, 2, 2, 16))
    builder.op("SPACE_TO_DEPTH", [turned], [deep], Record("SpaceToDepthOptions", {"block_size": 2}))
    small, bent = (builder.tensor("q", "int8", (1, 2, 2, 16), scales=[s]) for s in (0.02, 1 / 128))
    builder.op("QUANTIZE", [deep], [small])
    builder.op("TANH", [small], [bent])
    reals = [builder.tensor("r", "float32", (1, 2, 2, 16)) for _ in range(2)]
    builder.op("DEQUANTIZE", [small], [reals[0]])
    builder.op("DEQUANTIZE", [bent], [reals[1]])
    joined = builder.tensor("j", "float32", (1, 2, 2, 32))
    builder.op("CONCATENATION", reals, [joined], Record("ConcatenationOptions", {"axis": 3}))
    parts = [builder.tensor("p", "float32", (1, 2, 2, 8)) for _ in range(4)]
    axis = builder.tensor("a", "int32", (), data=np.array(3, np.int32))
    builder.op("SPLIT", [axis, joined], parts, Record("SplitOptions", {"num_splits": 4}))
    packed = builder.tensor("y", "float32", (2, 1, 2, 2, 8))
    builder.op("PACK", [parts[3], parts[0]], [packed], Record("PackOptions", {"values_count": 2, "axis": 0}))
    return builder.finish([x], [packed])


# Ends of the ranges, halves, and what is no number.
EXTREME_FLOATS = np.array(
    [
        *(0.0, -0.0, 1e-45, 1e38, -1e38, np.inf, -np.inf, np.nan, 2147483648.0, -2147483648.0, 2147483520.0, 3e9),
        *(np.arange(-300, 300) / 2),
    ],
    np.float32,
)


# Integers the wheel's QUANTIZE converts.
PAIRS: tuple[tuple[DType, DType], ...] = (
    ("int8", "int8"),
    ("int8", "uint8"),
    ("int8", "int16"),
    ("int8", "int32"),
    ("uint8", "int8"),
    ("int16", "int8"),
    ("int16", "int16"),
    ("int16", "int32"),
    ("int32", "int8"),
    ("int32", "int16"),
)
