"""A FeatureSpec rendered into src/features.cpp."""

from __future__ import annotations

from dataclasses import dataclass

from tinygen.features import bands, gain, logmel, moments
from tinygen.features.fft import fft_size
from tinygen.features.integers import log2_of
from tinygen.features.quantize import InputQuantization
from tinygen.features.spec import (
    BandEnergySpec,
    FeatureSpec,
    LogMelSpec,
    feature_shape,
    lead_in_frames,
    samples_per_inference,
)
from tinygen.features.stages import stage_names
from tinygen.features.tables import tables
from tinygen.firmware.c_arrays import CArray, c_array
from tinygen.firmware.environment import render

RUNTIME_VERSION = 1

_NAMES = {
    "window": "kWindow",
    "fft_order": "kFftOrder",
    "fft_twiddles": "kFftTwiddles",
    "fft_split": "kFftSplit",
    "mel_widths": "kMelWidths",
    "mel_weights": "kMelWeights",
    "mel_unweights": "kMelUnweights",
    "band_edges": "kBandEdges",
    "log": "kLog",
    "envelope_taps": "kEnvelopeTaps",
    "envelope_window": "kEnvelopeWindow",
    "envelope_order": "kEnvelopeOrder",
    "envelope_twiddles": "kEnvelopeTwiddles",
    "envelope_split": "kEnvelopeSplit",
    "envelope_edges": "kEnvelopeEdges",
    "pcan_gain": "kPcanGain",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturesView:
    """What templates/model/features.cpp.j2 prints.

    Attributes:
        header, front_end: the runtime's header and class template.
        arrays: tables, in the order they are defined.
        constants: lines of the Config struct.
    """

    kind: str
    header: str
    front_end: str
    arrays: tuple[CArray, ...]
    constants: tuple[str, ...]
    rate_hz: int
    channels: int
    samples_per_inference: int
    lead_in_frames: int
    frames: int
    frame_values: int
    quantization: InputQuantization
    stages: int


def features_view(spec: FeatureSpec, quantization: InputQuantization) -> FeaturesView:
    """Tables and constants of a spec as C++ text.

    Raises:
        TinygenError: the spec is wrong.
    """
    all_tables = tables(spec)
    frames, values = feature_shape(spec)
    match spec:
        case LogMelSpec():
            header, front_end, constants = "logmel.h", "LogMel", _logmel(spec)
        case BandEnergySpec():
            header, front_end, constants = "bands.h", "BandEnergies", _bands(spec)
        case _:
            header, front_end = "scaled_window.h", "ScaledWindow"
            constants = [f"static constexpr std::uint32_t kDecimation = {spec.decimation};"]
            if spec.gravity != "keep":
                header, front_end = "level_motion.h", "LevelMotion"
                constants += [
                    f"static constexpr std::uint32_t kGravityShift = {spec.gravity_rows_log2};",
                    f"static constexpr bool kLevel = {str(spec.gravity == 'level').lower()};",
                ]
    return FeaturesView(
        kind=spec.kind,
        header=header,
        front_end=front_end,
        arrays=tuple(c_array(name, all_tables[key]) for key, name in _NAMES.items() if key in all_tables),
        constants=tuple(constants),
        rate_hz=spec.rate_hz,
        channels=spec.n_channels,
        samples_per_inference=samples_per_inference(spec),
        lead_in_frames=lead_in_frames(spec),
        frames=frames,
        frame_values=values,
        quantization=quantization,
        stages=len(stage_names(spec)),
    )


def render_features(spec: FeatureSpec, quantization: InputQuantization) -> dict[str, bytes]:
    """{"src/features.cpp": its text}: the implementation of features_api.h for this spec and model input.

    Raises:
        TinygenError: the spec is wrong.
    """
    view = features_view(spec, quantization)
    return {"src/features.cpp": render("model/features.cpp.j2", {"view": view, "runtime_version": RUNTIME_VERSION})}


def _fft(size: int) -> str:
    return f"static constexpr RealFft kFft{{{size // 2}, kFftOrder, kFftTwiddles, kFftSplit}};"


def _logmel(spec: LogMelSpec) -> list[str]:
    bits = logmel.correction_bits(spec)
    lines = [
        f"static constexpr std::uint32_t kBands = {spec.n_bands};",
        f"static constexpr std::uint32_t kWindowSamples = {spec.window_samples};",
        f"static constexpr std::uint32_t kHopSamples = {spec.hop_samples};",
        "static constexpr const std::int16_t* kWindow = features::kWindow;",
        _fft(fft_size(spec.window_samples)),
        f"static constexpr std::uint32_t kMelStart = {logmel.bank(spec).start_bin};",
        "static constexpr const std::uint16_t* kMelWidths = features::kMelWidths;",
        "static constexpr const std::int16_t* kMelWeights = features::kMelWeights;",
        "static constexpr const std::int16_t* kMelUnweights = features::kMelUnweights;",
        f"static constexpr bool kNoiseReduction = {str(spec.enable_noise_reduction).lower()};",
        f"static constexpr bool kPcan = {str(spec.enable_pcan).lower()};",
        f"static constexpr std::int32_t kCorrectionBits = {bits};",
        f"static constexpr std::uint32_t kLogScaleShift = {spec.log_scale_shift};",
        "static constexpr const std::uint16_t* kLog = features::kLog;",
    ]
    if spec.enable_noise_reduction:
        noise = gain.noise_of(spec)
        integers = f"{noise.even}, {noise.odd}, {noise.least}, {noise.smoothing_bits}"
        lines.append(f"static constexpr NoiseReduction kNoise{{{integers}}};")
    if spec.enable_pcan:
        lines.append(f"static constexpr Pcan kGain{{kPcanGain, {gain.pcan_of(spec, bits).snr_shift}}};")
    return lines


def _bands(spec: BandEnergySpec) -> list[str]:
    return [
        f"static constexpr std::uint32_t kBands = {spec.n_bands};",
        f"static constexpr std::uint32_t kWindows = {spec.n_windows};",
        f"static constexpr std::uint32_t kWindowSamples = {spec.window_samples};",
        f"static constexpr std::uint32_t kWindowBits = {spec.window_samples.bit_length() - 1};",
        f"static constexpr std::uint32_t kHopSamples = {spec.hop_samples};",
        "static constexpr const std::int16_t* kWindow = features::kWindow;",
        _fft(spec.window_samples),
        "static constexpr const std::uint16_t* kBandEdges = features::kBandEdges;",
        "static constexpr const std::uint16_t* kLog = features::kLog;",
        f"static constexpr std::uint64_t kFloor = {spec.n_windows << bands.FLOOR_BITS};",
        f"static constexpr std::int32_t kLogReference = {bands.log_reference(spec.n_windows)};",
        f"static constexpr bool kStatistics = {str(spec.statistics).lower()};",
        f"static constexpr std::uint32_t kEnvelopeBands = {spec.envelope_bands};",
        *(_statistics(spec) if spec.statistics else ()),
        *(_envelope(spec) if spec.envelope_bands else ()),
    ]


def _statistics(spec: BandEnergySpec) -> list[str]:
    samples = spec.n_windows * spec.window_samples
    return [
        f"static constexpr std::uint32_t kMomentSamples = {samples};",
        f"static constexpr std::int32_t kLogSamples = {log2_of(samples)};",
        f"static constexpr std::int32_t kLogQuiet = {log2_of(samples << moments.SILENCE_BITS)};",
    ]


def _envelope(spec: BandEnergySpec) -> list[str]:
    half = spec.envelope_size // 2
    return [
        f"static constexpr std::uint32_t kRowInstants = {spec.n_windows * spec.hop_samples};",
        f"static constexpr std::uint32_t kEnvelopeSize = {spec.envelope_size};",
        f"static constexpr std::uint32_t kEnvelopeBits = {spec.envelope_size.bit_length() - 1};",
        f"static constexpr std::uint32_t kEnvelopeDecimation = {spec.envelope_decimation};",
        f"static constexpr std::uint32_t kEnvelopeTapCount = {spec.envelope_taps};",
        "static constexpr const std::int16_t* kEnvelopeTaps = features::kEnvelopeTaps;",
        "static constexpr const std::int16_t* kEnvelopeWindow = features::kEnvelopeWindow;",
        f"static constexpr RealFft kEnvelopeFft{{{half}, kEnvelopeOrder, kEnvelopeTwiddles, kEnvelopeSplit}};",
        "static constexpr const std::uint16_t* kEnvelopeEdges = features::kEnvelopeEdges;",
        f"static constexpr std::int32_t kEnvelopeReference = {bands.log_reference(1)};",
    ]
