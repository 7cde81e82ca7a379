"""Log mel energies of audio: the arithmetic of TFLM's audio front end, stage by stage.

window (12-bit Hann) -> shift to full scale -> real FFT -> energies -> mel channels (64 bit) -> square root and undoing
of the shift -> [noise reduction -> PCAN] -> logarithm.

Source: tensorflow/lite/experimental/microfrontend/lib/frontend.c, as arithmetic; own words and code.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from tinygen.features import gain
from tinygen.features.fft import MAX_FFT, MIN_FFT, fft_size, fft_tables, real_fft
from tinygen.features.hann import hann, windowed_full_scale
from tinygen.features.integers import log_scaled, log_table, sqrt_rounded
from tinygen.features.kind import FeatureKind, Int16, Tables
from tinygen.features.melbank import FILTER_BITS, MelBank, channel_energies, mel_bank
from tinygen.features.spec import LogMelSpec

MAX_LEAD_IN = 4096
_COLUMNS = 128  # transforms per NumPy operation: what fits the processor's cache

UInt32 = npt.NDArray[np.uint32]


def problems(spec: LogMelSpec) -> list[str]:
    """Reasons to refuse the spec."""
    found = []
    if not 0 <= spec.lead_in_frames <= MAX_LEAD_IN:
        found.append(f"lead_in_frames must be in 0..{MAX_LEAD_IN}, got {spec.lead_in_frames}")
    if spec.n_channels != 1:
        found.append(f"n_channels must be 1 for audio, got {spec.n_channels}")
    if not MIN_FFT // 2 < spec.window_samples <= MAX_FFT:
        found.append(f"window_samples must be in {MIN_FFT // 2 + 1}..{MAX_FFT}, got {spec.window_samples}")
    if not 1 <= spec.hop_samples <= spec.window_samples:
        found.append(f"hop_samples must be in 1..window_samples ({spec.window_samples}), got {spec.hop_samples}")
    if not 0 <= spec.log_scale_shift <= 10:
        found.append(f"log_scale_shift must be in 0..10 for int16 features, got {spec.log_scale_shift}")
    if not 1 <= spec.n_bands <= 256:
        found.append(f"n_bands must be in 1..256, got {spec.n_bands}")
    nyquist = spec.rate_hz / 2
    in_order = 0 <= spec.lower_hz < spec.upper_hz <= nyquist  # False for NaN too
    if not in_order:
        found.append(f"0 <= lower_hz < upper_hz <= {nyquist} (half the rate), got {spec.lower_hz}, {spec.upper_hz}")
    if spec.enable_pcan and not spec.enable_noise_reduction:
        found.append("enable_pcan needs enable_noise_reduction: it divides by that stage's estimate")
    if not found and spec.enable_noise_reduction:
        found += gain.problems(spec, correction_bits(spec))
    if spec.input_formula not in ("scale", "micro_speech"):
        found.append(f"input_formula must be scale or micro_speech, got {spec.input_formula}")
    if not found and bank(spec).end_bin > fft_size(spec.window_samples) // 2:
        found.append(f"upper_hz {spec.upper_hz} reaches the last FFT bin; the original refuses that too: lower it")
    if not found and bank(spec).start_bin >= bank(spec).end_bin:
        found.append(f"no FFT bin lies between lower_hz {spec.lower_hz} and upper_hz {spec.upper_hz}: widen the window")
    return found


def bank(spec: LogMelSpec) -> MelBank:
    """The spec's filter bank."""
    return mel_bank(spec.rate_hz, fft_size(spec.window_samples), spec.n_bands, spec.lower_hz, spec.upper_hz)


def correction_bits(spec: LogMelSpec) -> int:
    """What the FFT's 1/size and the weights' 12 bits leave to be shifted back before the logarithm; may be negative."""
    return int(math.log2(fft_size(spec.window_samples))) - FILTER_BITS // 2


def tables(spec: LogMelSpec) -> Tables:
    """window, fft_*, mel_* (start bin, widths, weights, unweights), log, and gain where PCAN is on."""
    fft = fft_tables(fft_size(spec.window_samples))
    mel = bank(spec)
    found: Tables = {
        "window": hann(spec.window_samples),
        "fft_order": fft.order,
        "fft_twiddles": fft.twiddles,
        "fft_split": fft.split,
        "mel_start": np.array([mel.start_bin], dtype=np.uint16),
        "mel_widths": mel.widths,
        "mel_weights": mel.weights,
        "mel_unweights": mel.unweights,
        "log": log_table(),
    }
    if spec.enable_noise_reduction:
        noise = gain.noise_of(spec)
        found["noise_q14"] = np.array([noise.even, noise.odd, noise.least], dtype=np.uint16)
    if spec.enable_pcan:
        found["pcan_gain"] = gain.gain_table(gain.pcan_of(spec, correction_bits(spec)))
    return found


def magnitudes(spec: LogMelSpec, windows: Int16) -> UInt32:
    """Mel channel magnitudes uint32 [columns, n_bands] of windows int16 [columns, window_samples]."""
    size = fft_size(spec.window_samples)
    mel = bank(spec)
    out = np.empty((len(windows), spec.n_bands), dtype=np.uint32)
    for at in range(0, len(windows), _COLUMNS):
        samples, shifts = windowed_full_scale(windows[at : at + _COLUMNS], size)
        spectrum = real_fft(samples, fft_tables(size))[:, mel.start_bin : mel.end_bin].astype(np.int32)
        # |parts| <= 32767 (each is half of a sum that cannot reach -65536), so an energy fits 31 bits.
        energies = spectrum[0] * spectrum[0]
        energies += spectrum[1] * spectrum[1]
        roots = sqrt_rounded(channel_energies(mel, energies))
        out[at : at + _COLUMNS] = (roots >> shifts.astype(np.uint32)).T
    return out


def stream(spec: LogMelSpec, raw: Int16) -> Int16:
    """All rows of recordings of any length; noise estimates start at zero and run on through each recording.

    Args:
        spec: the front end.
        raw: int16 [batch, n >= window_samples].

    Returns:
        int16 [batch, 1 + (n - window_samples) // hop_samples, n_bands].
    """
    windows = np.lib.stride_tricks.sliding_window_view(raw, spec.window_samples, axis=1)[:, :: spec.hop_samples]
    batch, n_frames, _ = windows.shape
    values = np.empty((batch, n_frames, spec.n_bands), dtype=np.uint32)
    together = max(1, _COLUMNS // n_frames)
    for at in range(0, batch, together):
        group = windows[at : at + together]
        rows = magnitudes(spec, group.reshape(-1, spec.window_samples))
        values[at : at + together] = rows.reshape(len(group), n_frames, spec.n_bands)
    if spec.enable_noise_reduction:
        estimate = np.zeros((batch, spec.n_bands), dtype=np.uint32)
        noise, pcan = gain.noise_of(spec), gain.pcan_of(spec, correction_bits(spec))
        for frame in range(n_frames):
            values[:, frame], estimate = gain.reduce_noise(values[:, frame], estimate, noise)
            if spec.enable_pcan:
                values[:, frame] = gain.normalise(values[:, frame], estimate, pcan)
    bits = correction_bits(spec)
    shifted = values << np.uint32(bits) if bits >= 0 else values >> np.uint32(-bits)
    return log_scaled(shifted, spec.log_scale_shift).astype(np.int16)


def frames_batch(spec: LogMelSpec, raw: Int16) -> Int16:
    """int16 [batch, n_frames, n_bands] of raw int16 [batch, samples_per_inference, 1]."""
    return stream(spec, raw[:, :, 0])[:, spec.lead_in_frames :]


def rows(spec: LogMelSpec, raw: Int16) -> Int16:
    """int16 [rows, n_bands] of an endless signal int16 [samples, 1]."""
    whole: Int16 = stream(spec, raw[None, :, 0])[0]
    return whole


def row_end(spec: LogMelSpec, row: int) -> int:
    """Instants that have come when a row is whole."""
    return spec.window_samples + row * spec.hop_samples


KIND = FeatureKind(
    name="logmel",
    spec_type=LogMelSpec,
    problems=problems,
    tables=tables,
    frames_batch=frames_batch,
    stream=rows,
    row_end=row_end,
)
