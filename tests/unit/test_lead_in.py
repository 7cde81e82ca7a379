"""What comes before the window, so that noise estimates have settled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tinygen.datasets.values import Int16, Recording
from tinygen.datasets.window import ambience, cut, led
from tinygen.features import reference
from tinygen.features.spec import LogMelSpec, lead_in_samples, samples_per_inference, samples_per_window
from tinygen.tasks import front_end
from tinygen.tasks.spec import StreamPlan
from tinygen.tasks.stream import rule_of
from tinygen.training import settling
from tinygen.training.spectral import nepers
from tinygen.training.words import plain_inputs, real_inputs

GAIN = LogMelSpec(enable_noise_reduction=True, enable_pcan=True)


def _speech_like(rng: np.random.Generator, n: int) -> Int16:
    """Steady noise with a louder burst in its middle, int16 [n, 1]."""
    envelope = 60 + 4000 * np.exp(-(((np.arange(n) - n / 2) / (n / 12)) ** 2))
    wave: Int16 = (rng.normal(size=n) * envelope).astype(np.int16)[:, None]
    return wave


def test_an_inference_looks_at_the_last_rows_of_a_stream() -> None:
    spec = replace(GAIN, n_frames=9, lead_in_frames=21)
    assert samples_per_inference(spec) == lead_in_samples(spec) + samples_per_window(spec) == 21 * 320 + 480 + 8 * 320
    raw = _speech_like(np.random.default_rng(1), samples_per_inference(spec))
    rows = reference.frames(spec, raw)
    assert np.array_equal(rows, reference.stream(spec, raw)[21:])
    assert not np.array_equal(rows, reference.frames(replace(spec, lead_in_frames=0), raw[lead_in_samples(spec) :]))


def test_ambience_is_the_quietest_stretch_to_and_fro() -> None:
    signal = np.array([9, -9, 9, 1, 2, 3, -9, 9, 9], np.int16)[:, None]
    assert ambience(signal, 8, 3)[:, 0].tolist() == [2, 1, 1, 2, 3, 3, 2, 1][-8:]
    # A constant offset is no sound.
    assert ambience(signal + 1000, 3, 3)[:, 0].tolist() == [1003, 1002, 1001]
    assert ambience(signal[:2], 5, 100).shape == (5, 1)
    assert ambience(signal, 0, 3).shape == (0, 1)


def test_what_was_recorded_before_the_window_comes_first() -> None:
    signal = np.arange(100, dtype=np.int16)[:, None]
    found = led(signal, 10, signal[10:30], 6)
    assert found[:, 0].tolist() == list(range(4, 30))
    short = led(signal, 4, signal[4:24], 6)
    assert short[2:, 0].tolist() == list(range(24))
    assert len(short) == 26
    assert led(signal, 4, signal[4:24], 0) is not None
    assert led(signal, 4, signal[4:24], 0).shape == (20, 1)


@pytest.mark.parametrize("length", [12, 40, 70, 200])
def test_every_window_has_its_lead_in(length: int) -> None:
    signal = np.arange(1, length + 1, dtype=np.int16)[:, None]
    recording = Recording(signal=signal, rate_hz=16000, label="go", group="a", name="one")
    plain, found = cut(recording, 40), cut(recording, 40, lead_in=25)
    assert [len(w) for w in found] == [65] * len(plain)
    assert all(np.array_equal(w[25:], p) for w, p in zip(found, plain, strict=True))
    if length == 200:
        assert found[1][:25, 0].tolist() == list(range(16, 41))


@pytest.mark.parametrize(
    ("spec", "least"),
    [
        (replace(GAIN, lead_in_frames=50), 0.99),
        (replace(GAIN, lead_in_frames=50, pcan_strength=0.5, pcan_gain_bits=17, even_smoothing=0.05), 0.99),
        (replace(GAIN, lead_in_frames=50, enable_pcan=False, min_signal_remaining=0.2), 0.97),
        (LogMelSpec(), 1.0),
    ],
)
def test_training_sees_what_the_integers_give(spec: LogMelSpec, least: float) -> None:
    rng = np.random.default_rng(3)
    clips = [_speech_like(rng, samples_per_window(spec)) for _ in range(6)]
    led_in = np.stack([led(clip, 0, clip, lead_in_samples(spec)) for clip in clips])
    exact = real_inputs(spec, reference.frames_batch(spec, led_in))
    plain = reference.frames_batch(settling.plain(spec), np.stack(clips))
    found = plain_inputs(spec, plain)
    assert np.corrcoef(exact.ravel(), found.ravel())[0, 1] >= least - 1e-6
    assert abs(float(found.mean() - exact.mean())) < 0.05 * float(exact.mean()) + 1e-3
    rows = reference.stream(spec, led_in[0])
    # Row by row from the integers' own estimate the real numbers differ by rounding only.
    x = nepers(spec, reference.stream(settling.plain(spec), led_in[0])[None])
    whole = settling.settled(spec, x, np.zeros((1, spec.n_bands), np.float32))[0] * (1 << spec.log_scale_shift)
    assert np.median(np.abs(whole - rows)) <= 1


def test_variations_settle_around_the_lead_in() -> None:
    spec = replace(GAIN, lead_in_frames=50)
    rng = np.random.default_rng(4)
    clips = np.stack([_speech_like(rng, samples_per_window(spec)) for _ in range(4)])
    x = nepers(spec, reference.frames_batch(settling.plain(spec), clips))
    one, again = (settling.moved(spec, x, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, settling.led_in(spec, x))
    assert settling.moved(LogMelSpec(), x, rng) is x


def test_kws_has_it_by_default_and_without_noise_reduction_there_is_none() -> None:
    usual = front_end.SPEECH
    assert (usual.enable_noise_reduction, usual.enable_pcan, usual.lead_in_frames) == (True, True, 50)
    finer = front_end.with_constants(usual, {"hop_samples": 160})
    assert (finer.n_frames, finer.lead_in_frames) == (97, 100)
    plain = front_end.with_constants(usual, {"enable_noise_reduction": False})
    assert (plain.enable_pcan, plain.lead_in_frames, plain.n_frames) == (False, 0, 49)
    assert front_end.with_constants(usual, {"lead_in_frames": 7}).lead_in_frames == 7


def test_a_stream_decides_once_the_lead_in_is_over() -> None:
    plan = StreamPlan(hop_rows=8, smoothing=3, threshold=0.75, release=0.4, refractory_s=0.8, ignored=("quiet",))
    facts = {"labels": ("quiet", "go"), "rate_hz": 16000, "window_rows": 49, "hop_rows": 8}
    assert rule_of(plan, **facts).warmup == 6  # type: ignore[arg-type]
    assert rule_of(plan, **facts, lead_in_rows=50).warmup == 12  # type: ignore[arg-type]
