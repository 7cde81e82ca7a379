"""Specs, tables, quantisation and the registry of front ends."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.features import quantize, reference
from tinygen.features.bands import band_edges
from tinygen.features.integers import log_table
from tinygen.features.log1p import log1p_float32
from tinygen.features.registry import KINDS
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

DEFAULTS: tuple[FeatureSpec, ...] = (LogMelSpec(), BandEnergySpec(), ScaledWindowSpec())


@pytest.mark.parametrize("spec", DEFAULTS, ids=lambda s: s.kind)
def test_defaults_are_fine_and_give_their_shape(spec: FeatureSpec) -> None:
    assert spec_problems(spec) == []
    raw = np.zeros((samples_per_inference(spec) + 7, spec.n_channels), dtype=np.int16)
    rows = reference.frames(spec, raw)
    assert rows.shape == feature_shape(spec)
    assert rows.dtype == np.int16


def test_every_front_end_file_is_registered(root: Path) -> None:
    folder = root / "src" / "tinygen" / "features"
    with_kind = {p.stem for p in folder.glob("*.py") if "\nKIND = " in p.read_text()}
    assert with_kind == {kind.problems.__module__.rsplit(".", 1)[1] for kind in KINDS}
    assert len({kind.name for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (replace(LogMelSpec(), window_samples=4, n_channels=2), ["window_samples", "n_channels"]),
        (replace(LogMelSpec(), window_samples=5000, hop_samples=0), ["window_samples", "hop_samples"]),
        (replace(LogMelSpec(), hop_samples=481), ["hop_samples"]),
        (replace(LogMelSpec(), upper_hz=9000.0), ["upper_hz"]),
        (replace(LogMelSpec(), upper_hz=8000.0), ["upper_hz"]),
        (replace(LogMelSpec(), lower_hz=float("nan")), ["lower_hz"]),
        (replace(LogMelSpec(), lower_hz=3000.0, upper_hz=3001.0), ["FFT bin"]),
        (replace(LogMelSpec(), log_scale_shift=11), ["log_scale_shift"]),
        (replace(LogMelSpec(), enable_pcan=True), ["enable_noise_reduction"]),
        (replace(BandEnergySpec(), window_samples=500, n_frames=2), ["window_samples", "n_frames"]),
        (replace(BandEnergySpec(), window_samples=32, n_bands=15), ["n_bands"]),
        (replace(BandEnergySpec(), hop_samples=0, n_windows=0), ["hop_samples", "n_windows"]),
        (replace(BandEnergySpec(), rate_hz=0), ["rate_hz"]),
        (replace(ScaledWindowSpec(), decimation=0, n_channels=0), ["decimation", "n_channels"]),
        (replace(ScaledWindowSpec(), n_frames=4096, n_channels=16), ["65535"]),
        (replace(ScaledWindowSpec(), feature_scale=0.0), ["feature_scale"]),
    ],
)
def test_wrong_specs_name_every_wrong_field(spec: FeatureSpec, words: list[str]) -> None:
    problems = "; ".join(spec_problems(spec))
    assert all(word in problems for word in words)
    with pytest.raises(TinygenError) as error:
        tables(spec)
    assert all(word in str(error.value) for word in words)


def test_wrong_signals_are_refused() -> None:
    spec = ScaledWindowSpec()
    good = np.zeros((128, 3), dtype=np.int16)
    wrong: list[Any] = [good[:127], good[:, :2], good[:, 0], good.astype(np.float32)]
    for bad in wrong:
        with pytest.raises(TinygenError):
            reference.frames(spec, bad)


@pytest.mark.parametrize("spec", DEFAULTS, ids=lambda s: s.kind)
def test_tables_are_integers_and_do_not_change(spec: FeatureSpec) -> None:
    first, second = tables(spec), tables(spec)
    assert first.keys() == second.keys()
    for name, values in first.items():
        assert values.dtype.kind in "iu"
        assert np.array_equal(values, second[name])


def test_mel_weights_of_a_bin_sum_to_one() -> None:
    found = tables(LogMelSpec())
    weights, unweights = found["mel_weights"].astype(int), found["mel_unweights"].astype(int)
    assert weights.min() >= 0
    assert unweights.min() >= 0
    assert set((weights + unweights).tolist()) <= {4096, 4097}
    assert found["mel_widths"].sum() == weights.size


def test_log_table_has_the_known_corners() -> None:
    table = log_table()
    assert table.size == 130
    assert table[[0, 1, 127, 128, 129]].tolist() == [0, 224, 142, 0, 0]
    assert table.max() == 5641


def test_log1p_is_within_one_float32_step_of_the_real_one() -> None:
    x = np.concatenate([np.linspace(0, 70, 20001), 10.0 ** np.linspace(-12, 4, 2001)]).astype(np.float32)
    ours = np.array([log1p_float32(v) for v in x])
    real = np.log1p(x.astype(np.float64))
    assert np.all(np.abs(ours - real) <= np.spacing(np.maximum(real, 1e-30).astype(np.float32)))


def test_band_edges_of_the_default_are_log_spaced() -> None:
    edges = band_edges(BandEnergySpec())
    assert edges[:7] == [2, 3, 4, 5, 6, 7, 8]
    assert edges[-1] == 256
    ratios = np.array(edges[12:], dtype=float)
    assert np.all(np.diff(np.log(ratios)) < 0.16)


def test_quantisation_is_affine_and_saturates() -> None:
    spec = LogMelSpec()
    q = quantize.for_input(spec, spec.feature_scale, -128)
    features = np.array([0, 1, 100, 255, 256, 32767, -32768], dtype=np.int16)
    assert quantize.apply(features, q).tolist() == [-128, -127, -28, 127, 127, 127, -128]
    half = quantize.for_input(spec, spec.feature_scale * 2, 0)
    assert quantize.apply(np.array([1, 3, -1, -3], dtype=np.int16), half).tolist() == [1, 2, 0, -1]


@pytest.mark.parametrize(
    ("scale", "zero_point"), [(0.0, 0), (-1.0, 0), (float("nan"), 0), (0.1, 128), (1e-30, 0), (1e30, 0)]
)
def test_quantisation_refuses_what_no_model_input_has(scale: float, zero_point: int) -> None:
    with pytest.raises(TinygenError):
        quantize.for_input(LogMelSpec(), scale, zero_point)
