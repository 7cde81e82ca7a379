"""Each variation does what its name says, and the same generator gives the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.datasets import augment
from tinygen.datasets.augment import chain, stft
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Int16

RATE = 16000
T = np.arange(RATE) / RATE


class Fixed:
    """A generator whose draws are known."""

    def __init__(self, value: float) -> None:
        self._value = value

    def uniform(self, *_: object, **__: object) -> float:
        return self._value


def sine(hz: float) -> Int16:
    return to_int16(8000 * np.sin(2 * np.pi * hz * T) * np.hanning(RATE))[:, None]


def strongest_hz(signal: Int16) -> float:
    spectrum = np.abs(np.fft.rfft(signal[:, 0] * np.hanning(len(signal))))
    return float(spectrum.argmax()) * RATE / len(signal)


def test_short_time_spectra_come_back_exactly() -> None:
    x = np.random.default_rng(1).normal(0, 1000, size=(5000, 2))
    assert np.abs(stft.backward(stft.forward(x), 5000) - x).max() < 1e-6


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_pitch_moves_and_duration_stays(factor: float) -> None:
    out = augment.change_pitch(sine(440), Fixed(factor), 0, 0)  # type: ignore[arg-type]
    assert out.shape == (RATE, 1)
    assert strongest_hz(out) == pytest.approx(440 * factor, rel=0.01)
    level = np.abs(out[:, 0].astype(int))
    loud = level > level.max() / 2
    assert np.flatnonzero(loud)[[0, -1]] == pytest.approx([RATE / 4, 3 * RATE / 4], abs=RATE / 40)


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_formants_move_and_harmonics_stay(factor: float) -> None:
    voice = sum(np.sin(2 * np.pi * 120 * k * T) / (1 + ((120 * k - 1000) / 200) ** 2) for k in range(1, 60))
    out = augment.warp_vocal_tract(to_int16(9000 * voice)[:, None], Fixed(factor), 0)  # type: ignore[arg-type]
    peak = strongest_hz(out)
    assert peak == pytest.approx(1000 * factor, abs=130)
    assert peak % 120 == pytest.approx(0, abs=2)


def test_a_room_rings_on_and_keeps_the_direct_sound() -> None:
    click = np.zeros((RATE, 1), dtype=np.int16)
    click[1000] = 20000
    out = augment.add_room(click, np.random.default_rng(3), 0.3, 0.3)
    energy = out[:, 0].astype(float) ** 2
    assert out[1000, 0] == 20000
    assert not energy[:1000].any()
    early, late = energy[1400:2400].sum(), energy[1400 + 2400 : 2400 + 2400].sum()
    # RT60 of 0.3 s: 2,400 samples later there are 30 dB less.
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)


def test_clipping_cuts_peaks_only() -> None:
    out = augment.clip_peaks(sine(440), Fixed(6.0), 0, 0)  # type: ignore[arg-type]
    limit = np.abs(sine(440).astype(int)).max() / 10 ** (6 / 20)
    assert np.abs(out).max() == pytest.approx(limit, abs=1)
    quiet = np.abs(sine(440)) < limit - 1
    assert np.array_equal(out[quiet], sine(440)[quiet])


def test_load_changes_the_shaft_and_not_the_resonance() -> None:
    x = to_int16(3000 * np.sin(2 * np.pi * 30 * T) + 3000 * np.sin(2 * np.pi * 5000 * T))[:, None]
    out = augment.change_load(x, Fixed(1.5), 0.5)  # type: ignore[arg-type]
    before, after = (np.abs(np.fft.rfft(y[:, 0])) for y in (x, out))
    assert after[30] / before[30] == pytest.approx(1.5, rel=0.01)
    assert after[5000] / before[5000] == pytest.approx(1.0, rel=0.01)


def test_shaft_speed_moves_the_shaft() -> None:
    x = to_int16(5000 * np.sin(2 * np.pi * 400 * T))[:, None]
    assert strongest_hz(augment.change_shaft_speed(x, Fixed(1.05), 0, 0)) == pytest.approx(420, abs=1.5)  # type: ignore[arg-type]
    assert augment.change_shaft_speed(x, Fixed(1.05), 0, 0).shape == x.shape  # type: ignore[arg-type]


def test_white_noise_has_the_ratio() -> None:
    x = to_int16(5000 * np.sin(2 * np.pi * 400 * T))[:, None]
    added = augment.add_white(x, np.random.default_rng(1), 20.0, 20.0).astype(float) - x
    assert 20 * np.log10(np.std(x) / np.std(added)) == pytest.approx(20, abs=0.3)


def test_masks_hide_stretches_of_every_example() -> None:
    features = np.random.default_rng(1).integers(0, 1000, size=(64, 40, 20)).astype(np.int16)
    out = augment.mask(features, np.random.default_rng(2), max_frames=8, max_bands=4, fill=-1)
    assert out.dtype == np.int16
    hidden = out == -1
    frames, bands = hidden.all(axis=2).sum(axis=1), hidden.all(axis=1).sum(axis=1)
    assert frames.max() == 8 and bands.max() == 4
    assert np.array_equal(out[~hidden], features[~hidden])
    for example in hidden:
        rows, columns = np.flatnonzero(example.all(axis=1)), np.flatnonzero(example.all(axis=0))
        for stretch in (rows, columns):
            assert stretch.size == 0 or stretch[-1] - stretch[0] + 1 == stretch.size


def test_bands_are_stretched() -> None:
    features = np.zeros((2, 3, 40), dtype=np.float32)
    features[:, :, 20] = 1.0
    out = augment.warp_bands(features, np.random.default_rng(4), 0.3)
    centres = (out * np.arange(40)).sum(axis=2) / out.sum(axis=2)
    assert np.all((centres > 20 / 1.3 - 1) & (centres < 20 / 0.7 + 1))
    assert not np.allclose(centres[0], centres[1])


@pytest.mark.parametrize("recipe", chain.PRESETS, ids=lambda r: r.name)
def test_recipes_are_seeded_and_keep_the_shape(recipe: chain.Recipe) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-8000, 8000, size=(3000, 3)).astype(np.int16)
    noises = [rng.integers(-900, 900, size=(9000, 3)).astype(np.int16)]
    first, again, other = (chain.vary(recipe, x, noises, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.shape == x.shape and first.dtype == np.int16
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_kind_is_made_from_its_usual_numbers() -> None:
    x = np.random.default_rng(0).integers(-8000, 8000, size=(3000, 3)).astype(np.int16)
    for kind in chain.KINDS:
        step = chain.Recipe(name="one", steps=(chain.Step(kind=kind.name),))
        assert not np.array_equal(chain.vary(step, x, (), np.random.default_rng(9)), x), kind.name


def test_a_recipe_file_is_read_and_its_faults_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('name = "mine"\n[[step]]\nkind = "speed"\nshare = 0.5\nlow = 0.9\nhigh = 1.1\n')
    found = chain.find_recipe(str(path))
    assert found.name == "mine"
    assert found.steps == (chain.Step(kind="speed", share=0.5, values={"low": 0.9, "high": 1.1}),)
    path.write_text('[[step]]\nkind = "sped"\n[[step]]\nkind = "level"\nlow_db = 9\nloudness = 3\nshare = 2\n')
    with pytest.raises(TinygenError) as caught:
        chain.find_recipe(str(path))
    for said in ("did you mean 'speed'", "no number 'loudness'", "low_db is above high_db", "share is 2"):
        assert said in caught.value.message
    with pytest.raises(TinygenError, match="no recipe 'speach'"):
        chain.find_recipe("speach")
