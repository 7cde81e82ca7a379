"""What a front end is: everything that determines its bits, as data.

All front ends eat interleaved int16 samples and emit rows of int16 features ("frames"). One inference needs
`n_frames` rows. The model's int8 input is made from them with the model's own input scale and zero point:

    q = clamp(floor(feature * multiplier / 2^shift + 1/2) + zero_point, -128, 127)
    multiplier / 2^shift = feature_scale / input_scale, with 31 bits

so that training sees the real value feature * feature_scale, and device, reference and oracle see the same int8.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMelSpec:
    """Log filter-bank energies of audio in the arithmetic of TFLM's audio front end.

    Source: tensorflow/lite/experimental/microfrontend/lib, whose names these are. The constants' defaults are those of
    `pymicro-features`. PCAN needs noise reduction; its estimates start at zero in each inference, not in a stream:
    `lead_in_frames` rows before the window let them settle, as they have in a stream, and are not looked at.

    `input_formula` says how rows become the model's int8 input: "scale" by the model's own scale and zero point,
    "micro_speech" by the integers of TFLM's example of that name: (feature * 256 + 333) / 666 - 128.
    """

    kind: Literal["logmel"] = "logmel"
    rate_hz: int = 16000
    n_channels: int = 1
    window_samples: int = 480
    hop_samples: int = 320
    n_frames: int = 49
    lead_in_frames: int = 0
    n_bands: int = 40
    lower_hz: float = 125.0
    upper_hz: float = 7500.0
    log_scale_shift: int = 6
    enable_noise_reduction: bool = False
    smoothing_bits: int = 10
    even_smoothing: float = 0.025
    odd_smoothing: float = 0.06
    min_signal_remaining: float = 0.05
    enable_pcan: bool = False
    pcan_strength: float = 0.95
    pcan_offset: float = 80.0
    pcan_gain_bits: int = 21
    input_formula: Literal["scale", "micro_speech"] = "scale"
    feature_scale: float = 1.0 / 25.6


@dataclass(frozen=True, slots=True, kw_only=True)
class BandEnergySpec:
    """Log band energies of a windowed integer FFT, averaged over the windows of one snapshot, per axis.

    One frame = one snapshot: `n_windows` windows of `window_samples` every `hop_samples`. Values of each axis in turn:
    n_bands levels; with `statistics` energy (RMS), crest factor and kurtosis; envelope_bands levels of the envelope
    spectrum (0: none), whose carrier lies between envelope_lower_hz and envelope_upper_hz.
    """

    kind: Literal["bands"] = "bands"
    rate_hz: int = 25600
    n_channels: int = 2
    window_samples: int = 512
    hop_samples: int = 256
    n_windows: int = 9
    n_bands: int = 32
    n_frames: int = 1
    statistics: bool = False
    envelope_bands: int = 0
    envelope_size: int = 128
    envelope_decimation: int = 16
    envelope_taps: int = 31
    envelope_lower_hz: float = 2000.0
    envelope_upper_hz: float = 10000.0
    feature_scale: float = 1.0 / 64.0

    @property
    def values_per_channel(self) -> int:
        """Features of one axis."""
        return self.n_bands + (3 if self.statistics else 0) + self.envelope_bands


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledWindowSpec:
    """A window of raw motion samples, decimated by averaging and kept as int16.

    One frame = one decimated sample of all channels; n_frames frames make an inference. `gravity` "remove" takes the
    slow mean (over about 2^gravity_rows_log2 rows) of the accelerometer, channels 0..2, off; "level" also turns all
    triples of channels so that this mean points to +z.
    """

    kind: Literal["window"] = "window"
    rate_hz: int = 100
    n_channels: int = 3
    decimation: int = 1
    n_frames: int = 128
    gravity: Literal["keep", "remove", "level"] = "keep"
    gravity_rows_log2: int = 6
    feature_scale: float = 1.0 / 4096.0


FeatureSpec = LogMelSpec | BandEnergySpec | ScaledWindowSpec


def lead_in_frames(spec: FeatureSpec) -> int:
    """Rows that an inference from its first sample on computes before those it looks at."""
    return spec.lead_in_frames if isinstance(spec, LogMelSpec) else 0


def lead_in_samples(spec: FeatureSpec) -> int:
    """Sample instants before the window, for the rows of `lead_in_frames`."""
    return spec.lead_in_frames * spec.hop_samples if isinstance(spec, LogMelSpec) else 0


def without_lead_in(spec: FeatureSpec) -> FeatureSpec:
    """The front end of a model that keeps its own state: its rows go on, they begin no inference anew."""
    return replace(spec, lead_in_frames=0) if isinstance(spec, LogMelSpec) else spec


def samples_per_inference(spec: FeatureSpec) -> int:
    """Sample instants (not counting channels) that one inference consumes from a fresh start."""
    return lead_in_samples(spec) + samples_per_window(spec)


def samples_per_window(spec: FeatureSpec) -> int:
    """Sample instants (not counting channels) that an inference looks at."""
    match spec:
        case LogMelSpec():
            return spec.window_samples + (spec.n_frames - 1) * spec.hop_samples
        case BandEnergySpec():
            return spec.window_samples + (spec.n_windows - 1) * spec.hop_samples
        case ScaledWindowSpec():
            return spec.n_frames * spec.decimation


def feature_shape(spec: FeatureSpec) -> tuple[int, int]:
    """(frames, values per frame) of one inference."""
    match spec:
        case LogMelSpec():
            return spec.n_frames, spec.n_bands
        case BandEnergySpec():
            return spec.n_frames, spec.n_channels * spec.values_per_channel
        case ScaledWindowSpec():
            return spec.n_frames, spec.n_channels
