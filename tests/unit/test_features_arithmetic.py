"""What the integer arithmetic promises: no overflow at full scale, exact silence, closeness to the real mathematics."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import bands, reference
from tinygen.features.fft import fft_tables, real_fft
from tinygen.features.hann import hann, windowed_full_scale
from tinygen.features.integers import bit_length, log2_q16, log_scaled, sqrt_rounded
from tinygen.features.melbank import channel_energies, mel_bank
from tinygen.features.spec import BandEnergySpec, LogMelSpec, ScaledWindowSpec, samples_per_inference

Int16 = npt.NDArray[np.int16]

ALL_ONES = 2**64 - 1


def test_bit_length_is_python_s() -> None:
    values = [0, 1, 2, 3, 2**31, 2**32 - 1, 2**32, 2**32 + 1, 2**53 - 1, 2**53, 2**63, ALL_ONES]
    assert bit_length(np.array(values, dtype=np.uint64)).tolist() == [v.bit_length() for v in values]


def test_root_is_the_nearest_integer_with_the_original_s_ceiling() -> None:
    rng = np.random.default_rng(3)
    values = [0, 1, 2, 3, 6, 7, 2**32 - 1, 2**32, 2**32 - 2**16, (2**32 - 1) ** 2 - 1, (2**32 - 1) ** 2, ALL_ONES]
    values += [int(v) >> int(s) for v, s in zip(rng.integers(0, 2**63, 500), rng.integers(0, 60, 500), strict=True)]
    values += [r * r + d for r in (65535, 65536, 94906265, 94906267, 2**31, 2**32 - 2) for d in (-1, 0, 1, r, r + 1)]
    for value, root in zip(values, sqrt_rounded(np.array(values, dtype=np.uint64)).tolist(), strict=True):
        floor = math.isqrt(value)
        nearest = floor + (value - floor * floor > floor)
        assert root == min(nearest, 0xFFFF if value < 2**32 else 0xFFFFFFFF)


def test_logarithms_follow_the_real_ones() -> None:
    values = np.unique(np.concatenate([np.arange(2, 5000), 2 ** np.linspace(1, 31.99, 5000)]).astype(np.uint32))
    real = np.log(values.astype(float)) * 64
    assert np.max(np.abs(log_scaled(values, 6) - real)) < 0.95
    assert log_scaled(np.array([0, 1], dtype=np.uint32), 6).tolist() == [0, 0]
    wide = np.unique((2 ** np.linspace(0, 63.99, 20000)).astype(np.uint64))
    assert np.max(np.abs(log2_q16(wide) - np.log2(wide.astype(float)) * 65536)) < 5


def _scalar_kiss(real: list[int], size: int) -> list[tuple[int, int]]:
    """The same FFT written as a recursion over scalars, wrapping after each assignment as C does."""

    def wrap(value: int) -> int:
        return (value + 32768) % 65536 - 32768

    def rounded(value: int) -> int:
        return wrap((value + 16384) >> 15)

    def unit(phase: float) -> tuple[int, int]:
        return math.floor(0.5 + 32767 * math.cos(phase)), math.floor(0.5 + 32767 * math.sin(phase))

    def mul(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return rounded(a[0] * b[0] - a[1] * b[1]), rounded(a[0] * b[1] + a[1] * b[0])

    def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return wrap(a[0] + b[0]), wrap(a[1] + b[1])

    def sub(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
        return wrap(a[0] - b[0]), wrap(a[1] - b[1])

    def div(a: tuple[int, int], k: int) -> tuple[int, int]:
        return rounded(a[0] * (32767 // k)), rounded(a[1] * (32767 // k))

    n = size // 2

    def transform(values: list[tuple[int, int]]) -> list[tuple[int, int]]:
        if len(values) == 1:
            return values
        radix = 4 if len(values) % 4 == 0 else 2
        m = len(values) // radix
        parts = [transform(values[i::radix]) for i in range(radix)]
        out = [(0, 0)] * len(values)
        for k in range(m):
            x = [div(part[k], radix) for part in parts]
            x = [x[0]] + [mul(x[i], unit(-2 * math.pi * (i * k * (n // len(values))) / n)) for i in range(1, radix)]
            if radix == 2:
                out[k], out[k + m] = add(x[0], x[1]), sub(x[0], x[1])
                continue
            minus, plus = sub(x[0], x[2]), add(x[0], x[2])
            odd, skew = add(x[1], x[3]), sub(x[1], x[3])
            out[k], out[k + 2 * m] = add(plus, odd), sub(plus, odd)
            out[k + m] = (wrap(minus[0] + skew[1]), wrap(minus[1] - skew[0]))
            out[k + 3 * m] = (wrap(minus[0] - skew[1]), wrap(minus[1] + skew[0]))
        return out

    packed = transform([(real[2 * i], real[2 * i + 1]) for i in range(n)])
    bins = [(0, 0)] * (n + 1)
    first = div(packed[0], 2)
    bins[0], bins[n] = (wrap(first[0] + first[1]), 0), (wrap(first[0] - first[1]), 0)
    for k in range(1, n // 2 + 1):
        low, high = div(packed[k], 2), div((packed[n - k][0], wrap(-packed[n - k][1])), 2)
        even, odd = add(low, high), mul(sub(low, high), unit(-math.pi * (k / n + 0.5)))
        bins[k] = ((even[0] + odd[0]) >> 1, (even[1] + odd[1]) >> 1)
        bins[n - k] = ((even[0] - odd[0]) >> 1, (odd[1] - even[1]) >> 1)
    return bins


@pytest.mark.parametrize("size", [8, 16, 32, 64, 128, 256, 1024])
def test_fft_equals_a_scalar_recursion_even_where_sums_wrap(size: int) -> None:
    rng = np.random.default_rng(size)
    square = np.where(np.arange(size) % 4 < 2, 32767, -32768)
    columns = np.stack(
        [rng.integers(-32768, 32768, size), np.full(size, -32768), square, rng.choice([-32768, 32767], size)], axis=1
    ).astype(np.int16)
    ours = real_fft(columns, fft_tables(size))
    for column in range(columns.shape[1]):
        expected = _scalar_kiss(columns[:, column].tolist(), size)
        assert [tuple(pair) for pair in ours[:, :, column].T.tolist()] == expected


@pytest.mark.parametrize("size", [16, 512, 4096])
def test_fft_is_near_the_real_one_and_leaves_room_for_its_energy(size: int) -> None:
    rng = np.random.default_rng(1)
    windows = rng.integers(-32768, 32768, (20, size)).astype(np.int16)
    samples, _ = windowed_full_scale(windows, size)
    ours = real_fft(samples, fft_tables(size)).astype(np.int64)
    real = np.fft.rfft(samples.astype(float), axis=0) / size
    assert np.max(np.abs(ours[0] - real.real)) < 8
    assert np.max(np.abs(ours[1] - real.imag)) < 8
    assert (ours**2).sum(axis=0).max() < 2**31


def test_fft_parts_never_reach_minus_32768() -> None:
    """The energies' 31 bits rest on this: wrapping inputs chosen to be as bad as possible."""
    rng = np.random.default_rng(2)
    for size in (8, 64, 512):
        columns = rng.choice(np.array([-32768, 32767, -32767, 0], dtype=np.int16), (size, 3000))
        assert real_fft(columns, fft_tables(size)).min() > -32768


def test_filter_bank_is_exact_at_the_largest_energies() -> None:
    bank = mel_bank(16000, 512, 40, 125.0, 7500.0)
    energies = np.full((bank.end_bin - bank.start_bin, 2), 2**31 - 1, dtype=np.int32)
    energies[::3, 1] = 12345
    expected = [[0, 0] for _ in range(40)]
    position = 0
    for segment, width in enumerate(bank.widths.tolist()):
        for _ in range(width):
            for column in range(2):
                value = int(energies[position, column])
                if segment > 0:
                    expected[segment - 1][column] += value * int(bank.weights[position])
                if segment < 40:
                    expected[segment][column] += value * int(bank.unweights[position])
            position += 1
    assert channel_energies(bank, energies).tolist() == expected


def _one(spec: BandEnergySpec, wave: npt.NDArray[np.float64]) -> Int16:
    samples = np.clip(np.round(wave), -32768, 32767).astype(np.int16)
    row: Int16 = reference.frames(spec, np.repeat(samples[:, None], spec.n_channels, axis=1))[0]
    return row


def test_silence_and_any_constant_are_exactly_the_floor() -> None:
    spec = BandEnergySpec()
    n = samples_per_inference(spec)
    for level in (0, 1, -1, 9.80665 * 1000, 32767, -32768):
        assert set(_one(spec, np.full(n, float(level))).tolist()) == {-768}


@pytest.mark.parametrize("amplitude", [30.0, 1000.0, 30000.0])
def test_a_tone_s_band_tells_its_energy(amplitude: float) -> None:
    spec = BandEnergySpec(n_channels=1)
    edges = bands.band_edges(spec)
    bin_ = 60
    row = _one(spec, amplitude * np.sin(2 * np.pi * bin_ * np.arange(samples_per_inference(spec)) / 512))
    band = max(b for b in range(32) if edges[b] <= bin_)
    assert int(np.argmax(row)) == band
    # Hann's three bins of a tone hold (A/2)^2 * (1/4 + 2/16) of energy; both neighbours lie in the band 56..63.
    assert row[band] == pytest.approx(64 * math.log2((amplitude / 2) ** 2 * 0.375), abs=2)


def test_a_large_offset_does_not_hide_a_small_vibration() -> None:
    spec = BandEnergySpec(n_channels=1)
    wave = 40.0 * np.sin(2 * np.pi * 100 * np.arange(samples_per_inference(spec)) / 512)
    assert np.array_equal(_one(spec, wave), _one(spec, wave + 16000))


@pytest.mark.parametrize(
    "spec",
    [
        BandEnergySpec(),
        BandEnergySpec(window_samples=4096, hop_samples=64, n_windows=64, n_bands=2046, n_channels=1),
        BandEnergySpec(window_samples=16, hop_samples=1, n_windows=2048, n_bands=1, n_channels=1),
    ],
    ids=["default", "longest window", "most windows"],
)
def test_full_scale_never_overflows_bands(spec: BandEnergySpec) -> None:
    n = samples_per_inference(spec)
    rng = np.random.default_rng(5)
    signals = [
        np.full(n, -32768),
        np.where(np.arange(n) % 2 == 0, 32767, -32768),
        np.where(np.arange(n) % 8 < 4, 32767, -32768),
        rng.choice([-32768, 32767], n),
    ]
    raw = np.stack(signals).astype(np.int16)[:, :, None].repeat(spec.n_channels, axis=2)
    rows = reference.frames_batch(spec, raw)
    assert rows.min() >= -768
    assert rows.max() <= 2048
    # Energies as whole numbers of any size give the same rows.
    for signal, row in zip(raw, rows, strict=True):
        assert _python_bands(spec, signal[:, 0]) == row[0, : spec.n_bands].tolist()


def _python_bands(spec: BandEnergySpec, samples: Int16) -> list[int]:
    size, edges = spec.window_samples, bands.band_edges(spec)
    sums = [0] * spec.n_bands
    starts = range(0, spec.n_windows * spec.hop_samples, spec.hop_samples)
    windows = np.stack([samples[s : s + size] for s in starts])
    means = [(sum(w) + size // 2) // size for w in windows.tolist()]
    centred = np.clip(windows.astype(np.int64) - np.array(means)[:, None], -32768, 32767).astype(np.int16)
    scaled, shifts = windowed_full_scale(centred, size)
    spectra = real_fft(scaled, fft_tables(size)).astype(np.int64)
    energies = (spectra**2).sum(axis=0).T.tolist()
    for energy, shift in zip(energies, shifts.tolist(), strict=True):
        for band in range(spec.n_bands):
            total = min(sum(energy[edges[band] : edges[band + 1]]), 2**32 - 1)
            sums[band] += (total << 20) >> (2 * shift)
    assert max(sums) + (spec.n_windows << 8) < 2**64
    offset = bands.log_reference(spec.n_windows)
    levels = log2_q16(np.array([s + (spec.n_windows << 8) for s in sums], dtype=np.uint64))
    return [(int(level) - offset + 512) >> 10 for level in levels]


def test_decimation_rounds_to_nearest_and_halves_up() -> None:
    spec = ScaledWindowSpec(n_channels=1, decimation=4, n_frames=5)
    groups = [[1, 1, 1, 3], [-1, -1, -1, -3], [32767] * 4, [-32768] * 4, [0, 0, 1, 0]]
    raw = np.array(groups, dtype=np.int16).reshape(-1, 1)
    assert reference.frames(spec, raw)[:, 0].tolist() == [2, -1, 32767, -32768, 0]


def test_extreme_log_features_fit_int16() -> None:
    spec = LogMelSpec(log_scale_shift=10)
    rng = np.random.default_rng(0)
    raw = rng.choice(np.array([-32768, 32767], dtype=np.int16), (2, samples_per_inference(spec), 1))
    rows = reference.frames_batch(spec, raw)
    assert rows.min() >= 0
    assert hann(480).max() == 4096
