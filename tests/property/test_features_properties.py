"""Any allowed spec: shapes, batches equal to single recordings, prefixes, and the promised ranges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinygen.core.errors import TinygenError
from tinygen.features import logmel, quantize, reference
from tinygen.features.bands import band_edges
from tinygen.features.spec import (
    BandEnergySpec,
    FeatureSpec,
    LogMelSpec,
    ScaledWindowSpec,
    feature_shape,
    samples_per_inference,
)
from tinygen.features.tables import tables
from tinygen.features.validate import spec_problems

Int16 = npt.NDArray[np.int16]


@st.composite
def logmels(draw: st.DrawFn) -> LogMelSpec:
    window = draw(st.integers(5, 1100))
    noise = draw(st.booleans())
    return LogMelSpec(
        rate_hz=draw(st.sampled_from([8000, 16000, 44100])),
        window_samples=window,
        hop_samples=draw(st.integers(1, window)),
        n_frames=draw(st.integers(1, 5)),
        lead_in_frames=draw(st.integers(0, 3)),
        n_bands=draw(st.integers(1, 48)),
        lower_hz=draw(st.floats(0, 2000)),
        upper_hz=draw(st.floats(2500, 22000)),
        log_scale_shift=draw(st.integers(0, 10)),
        enable_noise_reduction=noise,
        enable_pcan=noise and draw(st.booleans()),
    )


@st.composite
def bands_specs(draw: st.DrawFn) -> BandEnergySpec:
    window = 1 << draw(st.integers(4, 10))
    return BandEnergySpec(
        n_channels=draw(st.integers(1, 3)),
        window_samples=window,
        hop_samples=draw(st.integers(1, 2 * window)),
        n_windows=draw(st.integers(1, 5)),
        n_bands=draw(st.integers(1, window // 2 - 2)),
    )


windows = st.builds(
    ScaledWindowSpec, n_channels=st.integers(1, 6), decimation=st.integers(1, 40), n_frames=st.integers(1, 40)
)
specs: st.SearchStrategy[FeatureSpec] = st.one_of(logmels(), bands_specs(), windows)


def _signals(spec: FeatureSpec, seed: int) -> Int16:
    rng = np.random.default_rng(seed)
    shape = (3, samples_per_inference(spec) + int(rng.integers(0, 9)), spec.n_channels)
    spread = int(rng.choice([1, 30, 3000, 32768]))
    noise = rng.integers(-spread, spread, shape)
    noise[1] = rng.choice([-32768, 32767], shape[1:])
    return noise.astype(np.int16)


@given(spec=specs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_batches_equal_single_recordings_and_later_samples_do_not_matter(spec: FeatureSpec, seed: int) -> None:
    assume(not spec_problems(spec))
    raw = _signals(spec, seed)
    rows = reference.frames_batch(spec, raw)
    assert rows.shape == (3, *feature_shape(spec))
    for recording, row in zip(raw, rows, strict=True):
        assert np.array_equal(reference.frames(spec, recording), row)
        assert np.array_equal(reference.frames(spec, recording[: samples_per_inference(spec)]), row)
    if spec.kind == "bands":
        assert -768 <= rows.min() <= rows.max() <= 2048
    assert np.array_equal(rows[0], reference.frames(spec, raw[0].copy(order="F")))


@given(spec=logmels(), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_long_stream_begins_with_the_first_inference(spec: LogMelSpec, seed: int) -> None:
    assume(not spec_problems(spec))
    raw = _signals(spec, seed)
    longer = np.concatenate([raw, raw[::-1]], axis=1)
    first = logmel.stream(spec, longer[:, :, 0])[:, : spec.lead_in_frames + spec.n_frames]
    assert np.array_equal(first[:, spec.lead_in_frames :], reference.frames_batch(spec, raw))


@given(spec=bands_specs())
@settings(max_examples=60, deadline=None)
def test_band_edges_rise_from_bin_two_to_the_end(spec: BandEnergySpec) -> None:
    edges = band_edges(spec)
    assert len(edges) == spec.n_bands + 1
    assert (edges[0], edges[-1]) == (2, spec.window_samples // 2)
    assert all(a < b for a, b in pairwise(edges))


@given(
    window=st.integers(-5, 6000), hop=st.integers(-2, 7000), bands=st.integers(-1, 300), rate=st.integers(-1, 200000)
)
@settings(max_examples=60, deadline=None)
def test_any_numbers_are_either_computed_or_refused_in_words(window: int, hop: int, bands: int, rate: int) -> None:
    for spec in (
        LogMelSpec(window_samples=window, hop_samples=hop, n_bands=bands, rate_hz=rate),
        BandEnergySpec(window_samples=window, hop_samples=hop, n_bands=bands, rate_hz=rate),
    ):
        try:
            found = tables(spec)
        except TinygenError as error:
            assert str(error)
        else:
            assert found


@given(
    ratio=st.floats(2.0**-20, 2.0**12), zero_point=st.integers(-128, 127), values=st.lists(st.integers(-32768, 32767))
)
@settings(max_examples=60, deadline=None)
def test_quantisation_is_monotone_and_near_the_real_one(ratio: float, zero_point: int, values: list[int]) -> None:
    spec = ScaledWindowSpec(feature_scale=1.0)
    q = quantize.for_input(spec, 1.0 / ratio, zero_point)
    features = np.sort(np.array(values, dtype=np.int16))
    ours = quantize.apply(features, q).astype(np.int64)
    assert np.all(np.diff(ours) >= 0)
    real = np.clip(features * ratio + zero_point, -128, 127)
    assert np.all(np.abs(ours - real) <= 0.5 + 1e-4)
