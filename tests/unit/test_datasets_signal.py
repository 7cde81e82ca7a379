"""Resampling, scaling, cutting, varying."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets import augment
from tinygen.datasets.signal import common_int16, mix_to_mono, resample, to_int16, to_rate
from tinygen.datasets.values import Int16, Recording
from tinygen.datasets.window import cut, fit


def sine(hz: float, rate_hz: int, seconds: float = 0.5) -> Int16:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    return to_int16(10000 * np.sin(2 * np.pi * hz * t))[:, None]


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_a_tone_keeps_its_frequency_and_level(rate_hz: int) -> None:
    out = to_rate(sine(1000, rate_hz), rate_hz, 16000)
    middle = slice(500, -500)
    np.testing.assert_allclose(out[middle], sine(1000, 16000)[middle], atol=15)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    assert np.abs(to_rate(sine(11000, 44100), 44100, 16000)[300:-300]).max() < 10


def test_rates_that_are_equal_change_nothing() -> None:
    signal = sine(440, 16000)
    assert to_rate(signal, 16000, 16000) is signal
    assert resample(signal[:0], 0.5).shape == (0, 1)


def test_mono_is_the_mean() -> None:
    assert mix_to_mono(np.array([[100, 300], [-1, 1]], dtype=np.int16)).tolist() == [[200], [0]]


def test_whole_numbers_stay_and_fractions_share_one_factor() -> None:
    kept, note = common_int16([np.array([[1, -300]]), np.array([[2.0, 5.0]])], ["a", "b"], ["x", "y"])
    assert [k.tolist() for k in kept] == [[[1, -300]], [[2, 5]]]
    assert note == ""
    scaled, note = common_int16([np.array([[0.5]]), np.array([[-2.0]])], ["a", "b"], ["x"])
    assert [int(s[0, 0]) for s in scaled] == [4096, -16384]
    assert "x x 8192" in note


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(TinygenError, match="sample 1"):
        common_int16([np.array([[0.0], [np.nan]])], ["a"], ["x"])
    with pytest.raises(TinygenError, match="not numbers"):
        common_int16([np.array([["a"]])], ["a"], ["x"])


def test_fit_takes_the_middle_and_holds_the_ends() -> None:
    signal = np.arange(5, dtype=np.int16)[:, None]
    assert fit(signal, 3)[:, 0].tolist() == [1, 2, 3]
    assert fit(signal, 8)[:, 0].tolist() == [0, 0, 1, 2, 3, 4, 4, 4]


@pytest.mark.parametrize(("length", "windows"), [(50, 1), (100, 1), (199, 1), (200, 2), (450, 4), (100_000, 64)])
def test_cut_gives_whole_windows(length: int, windows: int) -> None:
    recording = Recording(
        signal=np.zeros((length, 2), dtype=np.int16), rate_hz=100, label="a", group="g", name="n"
    )  # fmt: skip
    found = cut(recording, 100)
    assert len(found) == windows
    assert {w.shape for w in found} == {(100, 2)}


VARIATIONS: dict[str, Callable[[Int16, np.random.Generator], Int16]] = {
    "shift": lambda s, r: augment.shift_time(s, r, 50),
    "gain": lambda s, r: augment.change_gain(s, r, -10, 10),
    "speed": lambda s, r: augment.change_speed(s, r, 0.8, 1.25),
    "noise": lambda s, r: augment.add_noise(s, s[:100], r, 0, 20),
    "equalize": lambda s, r: augment.equalize(s, r, 6),
    "rotate": lambda s, r: augment.rotate(s, r, 30),
    "scale": lambda s, r: augment.scale(s, r, 0.2),
    "warp": lambda s, r: augment.warp_time(s, r, 0.2),
    "jitter": lambda s, r: augment.jitter(s, r, 10),
    "motion": augment.vary_motion,
    "vibration": augment.vary_vibration,
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_variations_keep_shape_and_type_and_obey_their_seed(name: str) -> None:
    signal = np.random.default_rng(0).integers(-30000, 30000, size=(800, 3)).astype(np.int16)
    before = signal.copy()
    made = [VARIATIONS[name](signal, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert made[0].shape == signal.shape
    assert made[0].dtype == np.int16
    np.testing.assert_array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    np.testing.assert_array_equal(signal, before)


def test_speech_variation_with_and_without_noises() -> None:
    signal = sine(300, 16000, 1.0)
    for noises in ([], [sine(50, 16000, 3.0)]):
        made = augment.vary_speech(signal, noises, np.random.default_rng(3))
        assert made.shape == signal.shape


def test_noise_comes_at_its_ratio() -> None:
    rng = np.random.default_rng(1)
    signal = sine(500, 16000, 1.0)
    noise = to_int16(rng.normal(0, 3000, size=(32000, 1)))
    added: npt.NDArray[np.float64] = augment.add_noise(signal, noise, rng, 10, 10).astype(np.float64) - signal
    ratio = 20 * np.log10(np.std(signal.astype(np.float64)) / np.std(added))
    assert ratio == pytest.approx(10, abs=0.3)


def test_rotation_keeps_lengths() -> None:
    signal = np.array([[3000, 4000, 0], [0, 0, 9000]], dtype=np.int16)
    made = augment.rotate(signal, np.random.default_rng(1), 40)
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), [5000, 9000], atol=2)
