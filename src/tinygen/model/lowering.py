"""What every operator file builds on: its definition, the checks errors come from, and integer parameters.

An operator is *lowered* when nothing but integers is left of it: the kernels, the NumPy reference and the generated
C++ all start from the same `Lowered`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.fixedpoint import (
    INT32_MAX,
    INT32_MIN,
    multiply_by_quantized_multiplier,
    multiply_wide_by_quantized_multiplier,
)
from tinygen.model.ir import DType, Op, Quantization, Tensor

Array = npt.NDArray[np.generic]
Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]

INT8_MIN, INT8_MAX = -128, 127
LIMITS: Mapping[str, tuple[int, int]] = {"int8": (INT8_MIN, INT8_MAX), "int16": (-32768, 32767)}
BOTH: tuple[DType, ...] = ("int8", "int16")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lowered:
    """An operator in integers.

    Attributes:
        params: scalars by the names the kernels' parameter structs use.
        constants: arrays in the operator's canonical layout (weights OHWI int8, bias int32...), before any packing.
        macs: multiply-accumulates.
        dtype: of the values it computes with; only kernels of that type take it. Operators that only move bytes, and
            those whose kernels look at types themselves, say int8 whatever they move.
        note: what an explanation should say beside the kernel's reason.
    """

    params: dict[str, int]
    constants: dict[str, Array] = field(default_factory=dict)
    macs: int = 0
    dtype: DType = "int8"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpContext:
    """One operator of a graph under inspection: hands out tensors, refuses what the operator cannot take."""

    model: str
    op: Op
    tensors: Mapping[int, Tensor]

    def fail(self, message: str, hint: str = "") -> TinygenError:
        """The error for this operator."""
        return bad_input(message, where=f"{self.model}: {self.op.where}", hint=hint)

    def arity(self, inputs: tuple[int, int], outputs: int = 1) -> None:
        """Require a number of inputs (least, most) and of outputs."""
        if not inputs[0] <= len(self.op.inputs) <= inputs[1]:
            raise self.fail(f"has {len(self.op.inputs)} inputs, expected {inputs[0]} to {inputs[1]}")
        if len(self.op.outputs) != outputs:
            raise self.fail(f"has {len(self.op.outputs)} outputs, expected {outputs}")

    def optional(self, slot: int) -> Tensor | None:
        """The tensor at an input slot, None when the model leaves it out."""
        if slot >= len(self.op.inputs) or self.op.inputs[slot] < 0:
            return None
        return self.tensors[self.op.inputs[slot]]

    def tensor(self, slot: int) -> Tensor:
        """The tensor at an input slot."""
        found = self.optional(slot)
        if found is None:
            raise self.fail(f"input {slot} is missing")
        return found

    def activation(
        self, slot: int, ranks: tuple[int, int] = (1, 6), types: tuple[DType, ...] = ("int8",)
    ) -> tuple[Tensor, Quantization]:
        """An input of a quantised type with one scale, of a rank within bounds."""
        return self._quantised(self.tensor(slot), f"input {slot}", ranks, types)

    def output(
        self, ranks: tuple[int, int] = (1, 6), types: tuple[DType, ...] = ("int8",)
    ) -> tuple[Tensor, Quantization]:
        """The output, of a quantised type with one scale."""
        return self._quantised(self.tensors[self.op.outputs[0]], "output", ranks, types)

    def alike(self, *tensors: Tensor) -> DType:
        """The one type of several tensors."""
        types = sorted({tensor.dtype for tensor in tensors})
        if len(types) != 1:
            raise self.fail(f"mixes {' and '.join(types)}, supported: one type for inputs and output")
        return tensors[0].dtype

    def constant(self, slot: int, dtype: DType, what: str) -> Tensor:
        """An input whose values are in the file."""
        tensor = self.tensor(slot)
        if tensor.data is None:
            raise self.fail(
                f"{what} ('{tensor.label}') is computed at run time", "only constants in the file are supported there"
            )
        if tensor.dtype != dtype:
            raise self.fail(f"{what} ('{tensor.label}') is {tensor.dtype}, supported: {dtype}", _QUANTIZE_HINT)
        return tensor

    def channel_scales(self, tensor: Tensor, axis: int, channels: int) -> tuple[float, ...]:
        """One scale per channel of int8 weights with zero point 0 (a single scale is repeated)."""
        quantization = tensor.quantization
        if quantization is None:
            raise self.fail(f"weights '{tensor.label}' have no quantisation", _QUANTIZE_HINT)
        if any(quantization.zero_points):
            raise self.fail(
                f"weights '{tensor.label}' have zero points other than 0, supported: 0",
                "TFLite's INT8 specification wants symmetric weights; convert with a current TensorFlow",
            )
        if len(quantization.scales) == 1:
            return quantization.scales * channels
        if quantization.axis != axis or len(quantization.scales) != channels:
            raise self.fail(
                f"weights '{tensor.label}' have {len(quantization.scales)} scales along axis {quantization.axis}, "
                f"expected {channels} along axis {axis}"
            )
        return quantization.scales

    def bias(self, slot: int, channels: int, types: tuple[DType, ...] = ("int32",), none: DType = "int32") -> Array:
        """The bias, int32 or int64 (the accumulators' type); zeros of type `none` when the model has none."""
        if self.optional(slot) is None:
            return np.zeros(channels, np.dtype(none))
        tensor = self.tensor(slot)
        tensor = self.constant(slot, tensor.dtype if tensor.dtype in types else types[0], "bias")
        if tensor.n_elements != channels or tensor.data is None:
            raise self.fail(f"bias '{tensor.label}' has {tensor.n_elements} values, expected {channels}")
        return np.asarray(tensor.data, np.dtype(tensor.dtype)).reshape(channels)

    def word(self, name: str, allowed: Sequence[str]) -> str:
        """An option that is a word."""
        value = str(self.op.options.get(name, ""))
        if value not in allowed:
            raise self.fail(f"{name} = {value or 'missing'}, supported: {', '.join(allowed)}")
        return value

    def whole(self, name: str, at_least: int, at_most: int = 1 << 15) -> int:
        """An option that is an integer within bounds."""
        value = int(self.op.options.get(name, 0))
        if not at_least <= value <= at_most:
            raise self.fail(f"{name} = {value}, must be {at_least}..{at_most}")
        return value

    def activation_range(self, quantization: Quantization, dtype: DType = "int8") -> tuple[int, int]:
        """The output clamp of the fused activation.

        Source: CalculateActivationRangeQuantized in tensorflow/lite/kernels/kernel_util.cc (float32 division).
        """
        least, most = LIMITS[dtype]
        match self.word("fused_activation_function", ("none", "relu", "relu6", "relu_n1_to_1")):
            case "relu":
                low, high = self.quantized(0.0, quantization), most
            case "relu6":
                low, high = self.quantized(0.0, quantization), self.quantized(6.0, quantization)
            case "relu_n1_to_1":
                low, high = self.quantized(-1.0, quantization), self.quantized(1.0, quantization)
            case _:
                low, high = least, most
        # A clamp that a rewrite took in from the operator behind this one.
        low = max(low, least, int(self.op.options.get("clamp_min", least)))
        high = min(high, most, int(self.op.options.get("clamp_max", most)))
        if low > high:
            raise self.fail(f"the activation's range {low}..{high} is empty: scale and zero point cannot be right")
        return low, high

    def quantized(self, value: float, quantization: Quantization) -> int:
        """A real number on a tensor's grid, not clamped; divides in float32 as TFLite does."""
        steps = round_half_away(float(np.float32(value) / np.float32(quantization.scale)))
        if not INT32_MIN <= steps + quantization.zero_point <= INT32_MAX:
            raise self.fail(f"{value} cannot be expressed with scale {quantization.scale:g}")
        return steps + quantization.zero_point

    def accumulator_fits(self, bias: Array, per_channel: Sequence[int], dtype: DType = "int8") -> None:
        """Refuse weights and bias whose sum could leave the accumulator for some input.

        Args:
            bias: int32 or int64 [channels]. TFLM scales 64-bit sums of up to 48 bits.
            per_channel: sum of |weight| of each output channel.
            dtype: of the input.
        """
        wide = bias.dtype == np.int64
        largest = np.where(bias == np.iinfo(np.int64).min, np.iinfo(np.int64).max, np.abs(bias.astype(np.int64)))
        reach = np.asarray(per_channel, np.int64) * (256 if dtype == "int8" else 32768)
        worst = np.minimum(largest, 1 << 60) + reach
        if worst.size and int(worst.max()) > ((1 << 47) - 1 if wide else INT32_MAX):
            raise self.fail(
                f"the sum of channel {int(worst.argmax())} can reach {int(worst.max())}, more than "
                f"{'48 bits hold' if wide else 'int32 holds'}",
                "the bias is absurdly large: check the quantisation of this layer",
            )

    def _quantised(
        self, tensor: Tensor, what: str, ranks: tuple[int, int], types: tuple[DType, ...]
    ) -> tuple[Tensor, Quantization]:
        if tensor.dtype not in types:
            wanted = " and ".join(types)
            raise self.fail(f"{what} ('{tensor.label}') is {tensor.dtype}, supported: {wanted}", _QUANTIZE_HINT)
        if tensor.quantization is None:
            raise self.fail(f"{what} ('{tensor.label}') has no quantisation (scale and zero point)", _QUANTIZE_HINT)
        if len(tensor.quantization.scales) != 1:
            raise self.fail(f"{what} ('{tensor.label}') has one scale per channel; activations need a single one")
        if tensor.dtype == "int16" and tensor.quantization.zero_point:
            point = tensor.quantization.zero_point
            raise self.fail(f"{what} ('{tensor.label}') is int16 with zero point {point}, needs 0")
        if not ranks[0] <= len(tensor.shape) <= ranks[1]:
            wanted = str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]} to {ranks[1]}"
            raise self.fail(f"{what} ('{tensor.label}') has shape {list(tensor.shape)}, expected {wanted} dimensions")
        return tensor, tensor.quantization


_QUANTIZE_HINT = (
    "convert with full INT8 quantisation (representative data set, TFLITE_BUILTINS_INT8, inference types int8)"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpDef:
    """An operator the compiler knows.

    Attributes:
        name: TFLite's name.
        options_table: its options in the schema, "" when it has none.
        options_required: refuse the operator when the file leaves its options out.
        data_inputs: input slots that carry activations; all others must be constants.
        variadic: every input from data_inputs[0] on carries activations.
        types: of the data it takes, for the operator table.
        lower: checks everything and gives the integer form.
        reference: NumPy arithmetic equal to TFLM's reference kernel: (lowered, data inputs) -> outputs, and after them
            the new values of `state_inputs`. The arrays have the tensors' shapes.
        state_inputs: those of `data_inputs` that are states the operator updates in place.
    """

    name: str
    options_table: str
    options_required: bool
    data_inputs: tuple[int, ...]
    lower: Callable[[OpContext], Lowered]
    reference: Callable[[Lowered, Sequence[Array], Sequence[tuple[int, ...]]], list[Array]]
    state_inputs: tuple[int, ...] = ()
    variadic: bool = False
    types: tuple[DType, ...] = ("int8",)

    def slots(self, op: Op) -> tuple[int, ...]:
        """The input slots of an operator that carry activations."""
        return tuple(range(self.data_inputs[0], len(op.inputs))) if self.variadic else self.data_inputs


def round_half_away(value: float) -> int:
    """C's round(): halves away from zero."""
    magnitude = int(np.floor(abs(value) + 0.5)) if np.isfinite(value) else 1 << 62
    return magnitude if value >= 0 else -magnitude


def requantized(
    acc: Int64,
    multiplier: npt.ArrayLike,
    shift: npt.ArrayLike,
    dtype: str = "int8",
    wide: bool = False,
    /,
    *,
    zero_point: int,
    low: int,
    high: int,
) -> Array:
    """Accumulators to int8 or int16: scaled and rounded, zero point, clamp.

    Args:
        acc: int64 [..., channels] whose values fit int32 (two roundings), or 48 bits (`wide`, one rounding).
        multiplier, shift: scalars or [channels].
    """
    scale = multiply_wide_by_quantized_multiplier if wide else multiply_by_quantized_multiplier
    result: Array = np.clip(scale(acc, multiplier, shift) + zero_point, low, high).astype(np.dtype(dtype))
    return result


def window_extent(ctx: OpContext, axis: str, size: int, *, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """(output size, padding before) of a sliding window along one axis.

    Source: ComputePaddingHeightWidth in tensorflow/lite/kernels/padding.h.
    """
    effective = (kernel - 1) * dilation + 1
    if ctx.op.options.get("padding") == "explicit":
        # Only rewrites write this: padding they took in from a PAD.
        before, after = (int(ctx.op.options[f"pad_{axis}_{side}"]) for side in ("before", "after"))
        return (size + before + after - effective) // stride + 1, before
    if ctx.word("padding", ("same", "valid")) == "same":
        out = -(-size // stride)
        return out, max(0, (out - 1) * stride + effective - size) // 2
    if effective > size:
        raise ctx.fail(f"a window of {effective} does not fit the input's {axis} of {size} (padding: valid)")
    return (size - effective) // stride + 1, 0


def expect_shape(ctx: OpContext, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse an output whose declared shape is not what the operator makes."""
    if tensor.shape != shape:
        raise ctx.fail(f"output '{tensor.label}' is declared {list(tensor.shape)}, the operator makes {list(shape)}")
