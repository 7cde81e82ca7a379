"""Statistics and envelope spectrum of vibration: against their formulas, and that they find what they are for."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygen.features import envelope, reference
from tinygen.features.bands import envelope_edges
from tinygen.features.moments import moments
from tinygen.features.spec import BandEnergySpec, feature_shape, samples_per_inference
from tinygen.features.validate import spec_problems

Int16 = npt.NDArray[np.int16]
ENVELOPE = BandEnergySpec(n_channels=1, statistics=True, envelope_bands=40)


def _exact(samples: list[int]) -> list[float]:
    n, m2, m4 = len(samples), sum(x * x for x in samples), sum(x**4 for x in samples)
    energy = 64 * math.log2((m2 * 1024 + n) / (n * 1024))
    if m2 == 0:
        return [energy, 0.0, 0.0]
    return [energy, 256 * math.log2(max(x * x for x in samples) * n / m2), 256 * math.log2(m4 * n / m2**2)]


@given(seed=st.integers(0, 2**32 - 1), level=st.sampled_from([0, 1, 30, 3000, 32768]), n=st.integers(1, 3000))
@settings(max_examples=80, deadline=None)
def test_statistics_are_their_formulas_rounded(seed: int, level: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    samples = np.clip(rng.laplace(0, level, n), -32768, 32767).astype(np.int16)
    found = moments(samples.reshape(1, 1, n))[0].tolist()
    # The logarithm by table is off by at most 1.5 / 65536 octave, kurtosis has four of them; the rest is rounding.
    assert found == pytest.approx(_exact(samples.tolist()), abs=0.55)


def test_extreme_statistics_are_exact_sums() -> None:
    loudest = np.full((1, 2048, 4096), -32768, np.int16)
    assert moments(loudest)[0].tolist() == [30 * 64, 0, 0]  # 2^30 per sample, every sample the peak
    impulse = np.zeros((1, 8, 256), np.int16)
    impulse[0, 3, 7] = 32767
    assert moments(impulse)[0].tolist()[1:] == [11 * 256, 11 * 256]
    assert moments(np.zeros((1, 8, 256), np.int16))[0].tolist() == [-640, 0, 0]


def _struck(rate_hz: float, n: int, every_hz: float, ring_hz: float) -> Int16:
    """Impulses at a fault frequency, each ringing at a resonance, in noise."""
    rng = np.random.default_rng(3)
    t = np.arange(n) / rate_hz
    since = np.mod(t, 1 / every_hz)
    ringing = 3000 * np.exp(-since * 900) * np.sin(2 * np.pi * ring_hz * since)
    samples: Int16 = (ringing + rng.normal(0, 150, n)).astype(np.int16)
    return samples[None, :, None]


@pytest.mark.parametrize("fault_hz", [96.0, 168.0, 310.0])
def test_the_envelope_shows_how_often_a_resonance_is_struck(fault_hz: float) -> None:
    row = reference.frames_batch(ENVELOPE, _struck(25600, 2560, fault_hz, 5200.0))[0, 0]
    levels, edges = row[-40:], np.array(envelope_edges(ENVELOPE))
    bin_hz = ENVELOPE.rate_hz / ENVELOPE.envelope_decimation / ENVELOPE.envelope_size
    strongest = int(levels.argmax())
    assert edges[strongest] * bin_hz - bin_hz <= fault_hz <= edges[strongest + 1] * bin_hz
    assert row[34] > 500  # kurtosis above noise's 406
    quiet = reference.frames_batch(ENVELOPE, np.random.default_rng(1).normal(0, 900, (1, 2560, 1)).astype(np.int16))
    assert quiet[0, 0, 34] == pytest.approx(406, abs=60)


def test_the_band_pass_passes_its_band_only() -> None:
    t = np.arange(2560) / 25600
    heights = {}
    for hz in (300.0, 6000.0, 12700.0):
        tone = (9000 * np.sin(2 * np.pi * hz * t)).astype(np.int16)[None]
        heights[hz] = float(envelope.envelopes(ENVELOPE, tone).mean())
    assert heights[6000.0] == pytest.approx(9000 * 2 / math.pi, rel=0.02)
    assert max(heights[300.0], heights[12700.0]) < 0.12 * heights[6000.0]


@given(
    channels=st.integers(1, 3),
    window=st.sampled_from([16, 64, 256]),
    hop=st.integers(1, 400),
    n_windows=st.integers(1, 6),
    size=st.sampled_from([16, 32, 128]),
    decimation=st.integers(1, 20),
    taps=st.sampled_from([3, 15, 63]),
    rate_hz=st.sampled_from([100, 3200, 25600, 1_000_000]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_streams_and_batches_agree_at_any_rate(
    channels: int, window: int, hop: int, n_windows: int, size: int, decimation: int, taps: int, rate_hz: int, seed: int
) -> None:
    spec = BandEnergySpec(
        rate_hz=rate_hz,
        n_channels=channels,
        window_samples=window,
        hop_samples=hop,
        n_windows=n_windows,
        n_bands=4,
        statistics=True,
        envelope_bands=5,
        envelope_size=size,
        envelope_decimation=decimation,
        envelope_taps=taps,
        envelope_lower_hz=0.1 * rate_hz,
        envelope_upper_hz=0.4 * rate_hz,
    )
    assume(not spec_problems(spec))
    rng = np.random.default_rng(seed)
    raw = rng.integers(-32768, 32768, (samples_per_inference(spec) + 3 * n_windows * hop, channels)).astype(np.int16)
    rows = reference.stream(spec, raw)
    assert rows.shape[1] == feature_shape(spec)[1] == channels * 12
    for k, row in enumerate(rows):
        at = k * n_windows * hop
        assert np.array_equal(reference.frames(spec, raw[at:])[0], row)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("envelope_size", 100, "power of two"),
        ("envelope_bands", 80, "envelope_bands"),
        ("envelope_taps", 30, "odd"),
        ("envelope_decimation", 0, "envelope_decimation"),
        ("envelope_decimation", 40, "instants"),
        ("envelope_upper_hz", 14000.0, "envelope_lower_hz"),
    ],
)
def test_an_envelope_that_cannot_be_is_refused(field: str, value: float, words: str) -> None:
    spec = BandEnergySpec(**{"envelope_bands": 20, field: value})  # type: ignore[arg-type]
    assert any(words in problem for problem in spec_problems(spec))
