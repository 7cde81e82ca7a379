"""The audio front end against code that is not ours: `pymicro-features`, and the signal operators of TFLM."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import gain, logmel
from tinygen.features.fft import fft_tables, real_fft
from tinygen.features.hann import hann
from tinygen.features.integers import log_scaled, sqrt_rounded
from tinygen.features.spec import LogMelSpec

Int16 = npt.NDArray[np.int16]
Needs = Callable[..., None]
Shared = Callable[[str], Path]

WAKE_WORD = LogMelSpec(hop_samples=160, enable_noise_reduction=True, enable_pcan=True)


def _original(samples: Int16) -> npt.NDArray[np.int64]:
    """Rows of the original C front end, fed ten milliseconds at a time."""
    import pymicro_features

    front_end = pymicro_features.MicroFrontend()
    rows = []
    for at in range(0, len(samples) - 159, 160):
        answer = front_end.process_samples(samples[at : at + 160].astype("<i2").tobytes())
        if answer.features:
            rows.append(answer.features)
    return np.round(np.array(rows) * 25.6).astype(np.int64)


def _clipped_tone(n: int) -> Int16:
    wave = 60000 * np.sin(2 * np.pi * 440 * np.arange(n) / 16000)
    clipped: Int16 = np.clip(wave, -32768, 32767).astype(np.int16)
    return clipped


def _flat_after_window(n: int, level: int, period: int) -> Int16:
    """A square wave that has constant amplitude after the Hann window: the FFT's 16-bit sums wrap."""
    shape = level * 4096 / np.maximum(np.tile(hann(480), n // 480 + 1)[:n].astype(float), 1)
    sign = np.where(np.arange(n) // period % 2 == 0, 1, -1)
    wave: Int16 = np.clip(np.round(shape * sign), -32768, 32767).astype(np.int16)
    return wave


def _signals() -> dict[str, Int16]:
    rng = np.random.default_rng(7)
    n = 16000 * 3
    chirp = np.sin(np.cumsum(np.linspace(0.01, 3.0, n)))
    lowest = np.zeros(n, dtype=np.int16)
    lowest[::37] = -32768
    return {
        "silence": np.zeros(n, dtype=np.int16),
        "one bit": rng.integers(0, 2, n).astype(np.int16),
        "faint noise": rng.integers(-9, 10, n).astype(np.int16),
        "noise": rng.normal(0, 1500, n).astype(np.int16),
        "full-scale noise": rng.integers(-32768, 32768, n).astype(np.int16),
        "extremes": rng.choice(np.array([-32768, 32767], dtype=np.int16), n),
        "only the lowest value": lowest,
        "constant lowest": np.full(n, -32768, dtype=np.int16),
        "clipped tone": _clipped_tone(n),
        "chirp": (chirp * 12000).astype(np.int16),
        "bursts": (rng.normal(0, 6000, n) * (np.arange(n) // 4000 % 2)).astype(np.int16),
        "flat square 127": _flat_after_window(n, 127, 2),
        "flat square 100": _flat_after_window(n, 120, 7),
        "flat square 255": _flat_after_window(n, 255, 64),
    }


@pytest.mark.parametrize("name", list(_signals()))
def test_whole_front_end_equals_pymicro_features_on_made_signals(name: str, needs_module: Needs) -> None:
    needs_module("pymicro_features", "dev")
    samples = _signals()[name]
    expected = _original(samples)
    ours = logmel.stream(WAKE_WORD, samples[None])[0]
    assert len(expected) == len(ours) > 290
    assert np.array_equal(expected, ours)


def test_whole_front_end_equals_pymicro_features_on_speech(needs_module: Needs, shared_dir: Shared) -> None:
    needs_module("pymicro_features", "dev")
    import soundfile

    folder = shared_dir("data/kws")
    files = sorted(folder.glob("*/*.flac"))[::40]
    assert len(files) > 30
    speech = np.concatenate([soundfile.read(path, dtype="int16")[0] for path in files])[: 16000 * 90]
    expected = _original(speech)
    assert np.array_equal(expected, logmel.stream(WAKE_WORD, speech[None])[0][: len(expected)])


class _Preprocessor:
    """TFLM's own audio preprocessor model, run by its interpreter with every tensor kept."""

    def __init__(self, model: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self._interpreter = runtime.Interpreter.from_bytes(
            model, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )

    def run(self, window: Int16) -> Callable[[int], npt.NDArray[Any]]:
        self._interpreter.set_input(window.reshape(1, 480), 0)
        self._interpreter.invoke()
        return lambda index: np.array(self._interpreter.GetTensor(index, 0)["tensor_data"])


def test_every_stage_equals_the_signal_operators_of_tflm(needs_module: Needs, shared_dir: Shared) -> None:
    needs_module("tflite_micro", "verify")
    oracle = _Preprocessor(shared_dir("models/audio_preprocessor_int8.tflite").read_bytes())
    fft = fft_tables(512)
    estimate = np.zeros(40, dtype=np.uint32)
    seen = set()
    for name, samples in _signals().items():
        for at in range(0, 480 * 12, 480):
            tensor = oracle.run(samples[at : at + 480])
            scaled, shift = tensor(21).astype(np.int16), int(tensor(22).reshape(-1)[0])
            seen.add(shift)
            padded = np.zeros((512, 1), dtype=np.int16)
            padded[:480, 0] = scaled
            spectrum = real_fft(padded, fft)[:, :, 0].astype(np.int64)
            pairs = tensor(23).reshape(257, 2)
            assert np.array_equal(spectrum.T, pairs), f"FFT, {name}"
            energies = (spectrum**2).sum(axis=0)
            assert np.array_equal(energies[5:241], tensor(24).reshape(-1)[5:241].astype(np.int64)), f"energy, {name}"
            roots = sqrt_rounded(tensor(29).reshape(-1).astype(np.uint64)) >> np.uint32(shift)
            assert np.array_equal(roots, tensor(30).reshape(-1)), f"root, {name}"
            cleaned, estimate = gain.reduce_noise(
                tensor(30).reshape(-1).astype(np.uint32), estimate, gain.noise_of(WAKE_WORD)
            )
            assert np.array_equal(cleaned, tensor(31).reshape(-1)), f"noise reduction, {name}"
            assert np.array_equal(estimate, tensor(32).reshape(-1)), f"noise estimate, {name}"
            normalised = gain.normalise(cleaned, estimate, gain.pcan_of(WAKE_WORD, 3))
            assert np.array_equal(normalised, tensor(33).reshape(-1)), f"PCAN, {name}"
            logs = log_scaled(normalised << np.uint32(3), 6)
            assert np.array_equal(logs, tensor(34).reshape(-1)), f"log, {name}"
    assert len(seen) > 8  # many different full-scale shifts were met


def test_pcan_table_equals_the_one_in_the_published_model(needs_module: Needs, shared_dir: Shared) -> None:
    needs_module("tflite_micro", "verify")
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(
        schema.Model.GetRootAsModel(shared_dir("models/audio_preprocessor_int8.tflite").read_bytes(), 0)
    )
    tensor = model.subgraphs[0].tensors[8]
    published = np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype="<i2")
    assert np.array_equal(published, gain.gain_table(gain.pcan_of(WAKE_WORD, 3)))
