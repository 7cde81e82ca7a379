"""From feature rows to the model's int8 input, with the model's own scale and zero point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.core.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier
from tinygen.features.spec import FeatureSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class InputQuantization:
    """q = clamp(multiply_by_quantized_multiplier(feature, multiplier, shift) + zero_point, -128, 127)."""

    multiplier: int
    shift: int
    zero_point: int


def for_input(spec: FeatureSpec, scale: float, zero_point: int) -> InputQuantization:
    """The quantisation that takes this front end's rows to a model input with this scale and zero point.

    Args:
        spec: its `feature_scale` gives the real value of a feature.
        scale: the model input's scale (the float32 of the flatbuffer).
        zero_point: the model input's zero point, -128..127.

    Raises:
        TinygenError: the scale or zero point is not one an INT8 input can have.
    """
    if not (math.isfinite(scale) and scale > 0):
        raise bad_input(f"the input scale must be a positive number, got {scale}", where="model input")
    if not -128 <= zero_point <= 127:
        raise bad_input(f"the input zero point must be in -128..127, got {zero_point}", where="model input")
    ratio = spec.feature_scale / scale
    # Feature magnitudes are below 2^15: beyond these bounds every int8 would be 0 or saturated, or int32 would wrap.
    if not 2.0**-24 < ratio < 2.0**15:
        raise bad_input(
            f"feature scale {spec.feature_scale:g} and input scale {scale:g} differ too much (ratio {ratio:g})",
            where="model input",
            hint="train and convert the model on this front end's features",
        )
    multiplier, shift = quantize_multiplier(ratio)
    return InputQuantization(multiplier=multiplier, shift=shift, zero_point=zero_point)


def apply(frames: npt.NDArray[np.int16], quantization: InputQuantization) -> npt.NDArray[np.int8]:
    """int8 values of feature rows, any shape, in TFLite's double-rounding integer arithmetic."""
    q = multiply_by_quantized_multiplier(frames, quantization.multiplier, quantization.shift)
    return np.clip(q + quantization.zero_point, -128, 127).astype(np.int8)
