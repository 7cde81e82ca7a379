"""Every constant of the audio front end, against rows that the original C code made.

The digests are of the rows (uint16, little endian) of tensorflow/lite/experimental/microfrontend as pymicro-features
2.0.2 ships its sources, compiled with GCC and run on `signal()` with the same constants.
"""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import logmel, quantize, reference
from tinygen.features.spec import BandEnergySpec, FeatureSpec, LogMelSpec, ScaledWindowSpec, samples_per_inference
from tinygen.features.validate import spec_problems
from tinygen.training.export import scale_and_zero

Int16 = npt.NDArray[np.int16]
BASE = LogMelSpec(hop_samples=160, enable_noise_reduction=True, enable_pcan=True)


def signal() -> Int16:
    """Six seconds of noise and squares at changing levels, with silence and clipping; whole numbers only."""
    n = 16000 * 6
    x = np.arange(n, dtype=np.int64)
    rng = np.random.default_rng(11)
    loud = np.repeat(rng.integers(0, 15, n // 1000 + 1), 1000)[:n]
    noise = rng.integers(-32768, 32768, n) >> loud
    square = np.where((x * (1 + x // 4000)) // 97 % 2 == 0, 9000, -9000) >> np.roll(loud, 3000)
    mixed = noise + square
    mixed[40000:48000] = 0
    mixed[60000:64000] *= 9
    return np.clip(mixed, -32768, 32767).astype(np.int16)


SPECS = {
    "f4bc995623fb58eb": BASE,
    "f69fe2842631b4d2": dataclasses.replace(
        BASE,
        smoothing_bits=8,
        even_smoothing=0.1,
        odd_smoothing=0.004,
        min_signal_remaining=0.2,
        pcan_strength=0.5,
        pcan_offset=3.5,
        pcan_gain_bits=17,
        log_scale_shift=5,
    ),
    "b967ee688072d739": dataclasses.replace(
        BASE, enable_pcan=False, smoothing_bits=12, even_smoothing=0.5, odd_smoothing=0.9, min_signal_remaining=0.0
    ),
    "399d750aca927ec1": dataclasses.replace(
        BASE,
        rate_hz=8000,
        window_samples=160,
        hop_samples=80,
        n_bands=24,
        lower_hz=80.0,
        upper_hz=3600.0,
        pcan_gain_bits=23,
    ),
    "736fbb01239ef857": dataclasses.replace(
        BASE,
        window_samples=400,
        hop_samples=320,
        n_bands=32,
        lower_hz=20.0,
        upper_hz=7800.0,
        pcan_strength=0.8,
        pcan_offset=20.0,
        log_scale_shift=7,
    ),
    "a78f442f72fe98b2": dataclasses.replace(
        BASE,
        rate_hz=48000,
        window_samples=1440,
        hop_samples=480,
        n_bands=64,
        upper_hz=20000.0,
        smoothing_bits=11,
        pcan_gain_bits=20,
    ),
}


def test_the_signal_is_the_one_the_original_got() -> None:
    assert hashlib.sha256(signal().astype("<i2").tobytes()).hexdigest().startswith("bd31de0e1c43f815")


@pytest.mark.parametrize("digest", list(SPECS))
def test_rows_equal_the_original_with_other_constants(digest: str) -> None:
    rows = logmel.stream(SPECS[digest], signal()[None])[0]
    assert hashlib.sha256(rows.astype("<u2").tobytes()).hexdigest().startswith(digest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"even_smoothing": 1.5}, "even_smoothing"),
        ({"odd_smoothing": float("nan")}, "odd_smoothing"),
        ({"min_signal_remaining": -0.1}, "min_signal_remaining"),
        ({"smoothing_bits": 2}, "smoothing_bits must be at least 3"),
        ({"smoothing_bits": 16}, "0..15"),
        ({"pcan_gain_bits": 14}, "pcan_gain_bits must be at least 15"),
        ({"pcan_offset": 0.0}, "pcan_offset"),
        ({"pcan_strength": -1.0}, "pcan_strength"),
        ({"input_formula": "guess"}, "input_formula"),
    ],
)
def test_constants_the_original_leaves_undefined_are_refused(change: dict[str, object], words: str) -> None:
    found = spec_problems(dataclasses.replace(BASE, **change))  # type: ignore[arg-type]
    assert any(words in problem for problem in found), found


def test_the_integer_formula_of_micro_speech() -> None:
    spec = dataclasses.replace(BASE, input_formula="micro_speech")
    chosen = quantize.for_input(spec, 0.5, 17)
    assert "micro_speech" in chosen.words
    features = np.arange(1200, dtype=np.int16)
    expected = [min(127, (feature * 256 + 333) // 666 - 128) for feature in range(1200)]
    assert quantize.apply(features, chosen).tolist() == expected


def test_behind_pcan_a_models_own_scale_gives_the_bytes_of_micro_speech() -> None:
    spec = LogMelSpec(enable_noise_reduction=True, enable_pcan=True)
    span = quantize.input_range(spec)
    assert span is not None
    features = np.arange(-32768, 32768).astype(np.int16)
    scale, zero_point = scale_and_zero(*span)
    own = quantize.for_input(spec, scale, zero_point)
    theirs = quantize.for_input(dataclasses.replace(spec, input_formula="micro_speech"), scale, zero_point)
    assert (own.formula, zero_point) == ("scale", -128)
    same = features[32768:]
    assert np.array_equal(quantize.apply(same, own), quantize.apply(same, theirs))
    assert quantize.input_range(LogMelSpec()) is None
    assert quantize.input_range(BandEnergySpec()) is None


@pytest.mark.parametrize(
    "spec",
    [
        LogMelSpec(n_frames=7, enable_noise_reduction=True),
        BandEnergySpec(window_samples=64, hop_samples=101, n_windows=7, n_bands=9, n_channels=3),
        BandEnergySpec(window_samples=64, hop_samples=17, n_windows=3, n_bands=9, n_channels=1),
        ScaledWindowSpec(decimation=7, n_channels=6, n_frames=33),
    ],
)
def test_a_stream_begins_with_the_rows_of_one_inference(spec: FeatureSpec) -> None:
    n = samples_per_inference(spec)
    raw = np.random.default_rng(3).integers(-9000, 9000, (3 * n, spec.n_channels)).astype(np.int16)
    rows = reference.stream(spec, raw)
    assert np.array_equal(rows[: spec.n_frames], reference.frames(spec, raw))
    count = len(rows)
    assert count > spec.n_frames
    # The last row needs the very last instant it names, and no later one.
    end = reference.row_end(spec, count - 1)
    assert end <= len(raw) < reference.row_end(spec, count)
    assert np.array_equal(reference.stream(spec, raw[:end]), rows)
    assert len(reference.stream(spec, raw[: end - 1])) == count - 1
    assert len(reference.stream(spec, raw[:1])) == (spec.kind == "window" and spec.decimation == 1)
