"""Band energies of vibration: log2 of each band's mean energy over the windows of one snapshot, in integers.

Per channel and window of N = 2^k samples:
1. mean = floor((sum + N/2) / 2^k) is taken off (gravity, sensor offset), saturating at int16;
2. Hann window (12 bits, as for audio), shift s to full scale, real FFT scaled by 1/N: |parts| <= 32767;
3. band = min(sum over its bins of re^2 + im^2, 2^32 - 1), brought to 20 fractional bits and freed of s:
   band * 2^(20 - 2s) (a right shift drops bits when 2s > 20).
Over the windows these are summed: at most 2^52 * n_windows <= 2^63 in 64 bits. One row value is then
   feature = floor((log2_q16(sum + n_windows * 2^8) - log2_q16(n_windows * 2^20) + 2^9) / 2^10)
in units of 1/64 octave of energy (per squared LSB). The n_windows * 2^8 is a floor at 2^-12 LSB^2, below which a band
holds only rounding noise: silence is exactly -768, full scale stays under 2,049.
Statistics of the snapshot (`moments`) and the levels of its envelope's spectrum (`envelope`) may follow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.features import envelope
from tinygen.features.fft import MAX_FFT, fft_tables, real_fft
from tinygen.features.hann import hann, windowed_full_scale
from tinygen.features.integers import log2_of, log2_q16, log_table
from tinygen.features.kind import FeatureKind, Int16, Tables
from tinygen.features.moments import moments
from tinygen.features.spec import BandEnergySpec

UInt64 = npt.NDArray[np.uint64]

FRACTION_BITS = 20
FLOOR_BITS = 8
FIRST_BIN = 2  # bins 0 and 1 hold the mean and what the Hann window smears of it
MIN_WINDOW = 16
MAX_WINDOWS = 2048
_COLUMNS = 128


def problems(spec: BandEnergySpec) -> list[str]:
    """Reasons to refuse the spec."""
    found = []
    if not 1 <= spec.n_channels <= 16:
        found.append(f"n_channels must be in 1..16, got {spec.n_channels}")
    n = spec.window_samples
    if not MIN_WINDOW <= n <= MAX_FFT or n & (n - 1):
        found.append(f"window_samples must be a power of two in {MIN_WINDOW}..{MAX_FFT}, got {n}")
    if spec.hop_samples < 1 or spec.hop_samples > 1 << 20:
        found.append(f"hop_samples must be in 1..{1 << 20}, got {spec.hop_samples}")
    if not 1 <= spec.n_windows <= MAX_WINDOWS:
        found.append(f"n_windows must be in 1..{MAX_WINDOWS}, got {spec.n_windows}")
    if spec.n_bands < 1 or spec.n_bands > max(n // 2 - FIRST_BIN, 1):
        found.append(f"n_bands must be in 1..{n // 2 - FIRST_BIN} for this window, got {spec.n_bands}")
    if spec.n_frames != 1:
        found.append(f"n_frames must be 1 (one row per snapshot), got {spec.n_frames}")
    if spec.envelope_bands and not found:
        found += envelope.problems(spec)
    return found


def band_edges(spec: BandEnergySpec) -> list[int]:
    """Those of the plain spectrum; see `edges_of`."""
    return edges_of(spec.window_samples, spec.n_bands)


def envelope_edges(spec: BandEnergySpec) -> list[int]:
    """Those of the envelope's spectrum; see `edges_of`."""
    return edges_of(spec.envelope_size, spec.envelope_bands)


def edges_of(size: int, n_bands: int) -> list[int]:
    """n_bands + 1 rising FFT bins, as near to equal ratios as whole bins allow; band b is edges[b] .. edges[b+1]-1.

    Each edge is the smallest bin e with e^r >= previous^(r-1) * end, r bands being left: exact in whole numbers.
    """
    end = size // 2
    edges = [FIRST_BIN]
    for left in range(n_bands, 0, -1):
        target = edges[-1] ** (left - 1) * end
        edge = edges[-1] + 1
        while edge**left < target:
            edge += 1
        edges.append(edge)
    return edges


def tables(spec: BandEnergySpec) -> Tables:
    """window, fft_*, band_edges, log; with an envelope: envelope_*."""
    fft = fft_tables(spec.window_samples)
    more: Tables = {}
    if spec.envelope_bands:
        small = fft_tables(spec.envelope_size)
        more = {
            "envelope_taps": envelope.taps_of(spec),
            "envelope_window": hann(spec.envelope_size),
            "envelope_order": small.order,
            "envelope_twiddles": small.twiddles,
            "envelope_split": small.split,
            "envelope_edges": np.array(envelope_edges(spec), dtype=np.uint16),
        }
    return {
        "window": hann(spec.window_samples),
        "fft_order": fft.order,
        "fft_twiddles": fft.twiddles,
        "fft_split": fft.split,
        "band_edges": np.array(band_edges(spec), dtype=np.uint16),
        "log": log_table(),
        **more,
    }


def log_reference(n_windows: int) -> int:
    """log2_q16(n_windows * 2^20): what is taken off every logarithm."""
    return log2_of(n_windows << FRACTION_BITS)


def without_mean(windows: Int16) -> Int16:
    """Windows int16 [columns, 2^k] minus their rounded means, saturated."""
    bits = windows.shape[1].bit_length() - 1
    means = (windows.sum(axis=1, dtype=np.int64) + (1 << bits >> 1)) >> bits
    centred: Int16 = np.clip(windows - means[:, None].astype(np.int32), -32768, 32767).astype(np.int16)
    return centred


def frames_batch(spec: BandEnergySpec, raw: Int16) -> Int16:
    """int16 [batch, 1, n_channels * values_per_channel] of raw int16 [batch, samples, n_channels]."""
    size, edges = spec.window_samples, band_edges(spec)
    views = np.lib.stride_tricks.sliding_window_view(raw, size, axis=1)[:, :: spec.hop_samples]
    batch, channels = len(raw), spec.n_channels
    # [batch, windows, channels, size] -> one row per (recording, channel, window)
    windows = views[:, : spec.n_windows].transpose(0, 2, 1, 3)
    parts = np.empty((batch, channels, spec.values_per_channel), np.int16)
    together = max(1, _COLUMNS // (channels * spec.n_windows))
    for at in range(0, batch, together):
        group = without_mean(windows[at : at + together].reshape(-1, size))
        sums = np.concatenate([_band_sums(group[i : i + _COLUMNS], edges) for i in range(0, len(group), _COLUMNS)])
        shaped = sums.reshape(-1, channels, spec.n_windows, spec.n_bands).sum(axis=2, dtype=np.uint64)
        parts[at : at + together, :, : spec.n_bands] = _levels(shaped, spec.n_windows)
        if spec.statistics:
            found = moments(group.reshape(-1, spec.n_windows, size))
            parts[at : at + together, :, spec.n_bands : spec.n_bands + found.shape[1]] = found.reshape(
                -1, channels, found.shape[1]
            )
    if spec.envelope_bands:
        heights = envelope.envelopes(spec, raw.transpose(0, 2, 1).reshape(batch * channels, -1))
        sums = _band_sums(without_mean(heights), envelope_edges(spec))
        parts[:, :, -spec.envelope_bands :] = _levels(sums, 1).reshape(batch, channels, -1)
    return parts.reshape(batch, 1, -1)


def _levels(sums: UInt64, n_windows: int) -> Int16:
    logs = log2_q16(sums + np.uint64(n_windows << FLOOR_BITS)) - log_reference(n_windows)
    features: Int16 = ((logs + (1 << 9)) >> 10).astype(np.int16)
    return features


def _band_sums(windows: Int16, edges: list[int]) -> UInt64:
    """uint64 [rows, bands] of mean-free windows int16 [rows, size]."""
    size = windows.shape[1]
    samples, shifts = windowed_full_scale(windows, size)
    spectrum = real_fft(samples, fft_tables(size))[:, : edges[-1]].astype(np.int64)
    energies = spectrum[0] * spectrum[0] + spectrum[1] * spectrum[1]
    bands = np.add.reduceat(energies, np.array(edges[:-1]), axis=0).astype(np.uint64)
    bands = np.minimum(bands, np.uint64(2**32 - 1))
    left = np.maximum(FRACTION_BITS - 2 * shifts, 0).astype(np.uint64)
    right = np.maximum(2 * shifts - FRACTION_BITS, 0).astype(np.uint64)
    result: UInt64 = ((bands << left) >> right).T
    return result


def rows(spec: BandEnergySpec, raw: Int16) -> Int16:
    """int16 [rows, n_channels * values_per_channel] of an endless signal: each snapshot goes on at the next hop."""
    each = spec.n_windows * spec.hop_samples
    count = max(0, (len(raw) - row_end(spec, 0)) // each + 1)
    views = np.lib.stride_tricks.sliding_window_view(raw, row_end(spec, 0), axis=0)[::each][:count]
    snapshots = np.ascontiguousarray(views.transpose(0, 2, 1))
    whole: Int16 = frames_batch(spec, snapshots)[:, 0]
    return whole


def row_end(spec: BandEnergySpec, row: int) -> int:
    """Instants that have come when a row is whole."""
    return spec.window_samples + ((row + 1) * spec.n_windows - 1) * spec.hop_samples


KIND = FeatureKind(
    name="bands",
    spec_type=BandEnergySpec,
    problems=problems,
    tables=tables,
    frames_batch=frames_batch,
    stream=rows,
    row_end=row_end,
)
