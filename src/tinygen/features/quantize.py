"""From feature rows to the model's int8 input, with the model's own scale and zero point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.features.spec import FeatureSpec, LogMelSpec

# Source: tensorflow/lite/micro/examples/micro_speech (its features span 0..26 real, 25.6 steps each): 25.6 * 26 = 666.
_MICRO_SPEECH_SCALE = 256
_MICRO_SPEECH_DIVISOR = 666
_MICRO_SPEECH_ZERO = -128


@dataclass(frozen=True, slots=True, kw_only=True)
class InputQuantization:
    """How a feature becomes an input byte.

    formula "scale": q = clamp(floor(feature * multiplier / 2^shift + 1/2) + zero_point, -128, 127): one rounding, to
    the nearest, halves upwards. multiplier has 31 bits, shift is 16..54.
    formula "micro_speech": q = clamp((feature * 256 + 333) / 666 - 128, -128, 127) in whole numbers, as TFLM's
    micro_speech example has it; multiplier and shift are 0.
    """

    multiplier: int
    shift: int
    zero_point: int
    formula: Literal["scale", "micro_speech"] = "scale"

    @property
    def words(self) -> str:
        """Which formula it is, for people."""
        if self.formula == "micro_speech":
            return "integer formula of TFLM's micro_speech example: (feature * 256 + 333) / 666 - 128"
        return f"model's own scale and zero point (multiplier {self.multiplier}, shift {self.shift}, {self.zero_point})"


def input_range(spec: FeatureSpec) -> tuple[float, float] | None:
    """Real values at both ends of the int8 input of a model that is trained on this front end, where they are given.

    Behind PCAN features have a range of their own. Its steps are those of TFLM's micro_speech example and of the
    wake-word projects: then the model's own scale and zero point and their integer formula give the same bytes.
    """
    if not isinstance(spec, LogMelSpec) or not (spec.enable_pcan or spec.input_formula == "micro_speech"):
        return None
    return 0.0, 255 * spec.feature_scale * _MICRO_SPEECH_DIVISOR / _MICRO_SPEECH_SCALE


def note(quantization: InputQuantization) -> str:
    """How features reach the model's input, as a sentence of a report."""
    return f"features to int8 by the {quantization.words}"


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
    if isinstance(spec, LogMelSpec) and spec.input_formula == "micro_speech":
        return InputQuantization(multiplier=0, shift=0, zero_point=_MICRO_SPEECH_ZERO, formula="micro_speech")
    ratio = spec.feature_scale / scale
    # Feature magnitudes are below 2^15: beyond these bounds every int8 would be 0 or saturated, or int32 would wrap.
    if not 2.0**-24 < ratio < 2.0**15:
        raise bad_input(
            f"feature scale {spec.feature_scale:g} and input scale {scale:g} differ too much (ratio {ratio:g})",
            where="model input",
            hint="train and convert the model on this front end's features",
        )
    fraction, exponent = math.frexp(ratio)
    multiplier, shift = round(fraction * (1 << 31)), 31 - exponent
    if multiplier == 1 << 31:
        multiplier, shift = multiplier // 2, shift - 1
    return InputQuantization(multiplier=multiplier, shift=shift, zero_point=zero_point)


def apply(frames: npt.NDArray[np.int16], quantization: InputQuantization) -> npt.NDArray[np.int8]:
    """int8 values of feature rows, any shape."""
    if quantization.formula == "micro_speech":
        steps = (frames.astype(np.int64) * _MICRO_SPEECH_SCALE + _MICRO_SPEECH_DIVISOR // 2) // _MICRO_SPEECH_DIVISOR
        return np.clip(steps + _MICRO_SPEECH_ZERO, -128, 127).astype(np.int8)
    product = frames.astype(np.int64) * quantization.multiplier + (1 << (quantization.shift - 1))
    q = product >> quantization.shift
    quantized: npt.NDArray[np.int8] = np.clip(q + quantization.zero_point, -128, 127).astype(np.int8)
    return quantized
