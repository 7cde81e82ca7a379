"""Manifests of published wake words, and their cutoff as an integer."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygen.core.errors import TinygenError
from tinygen.features import quantize
from tinygen.tasks import wakeword

MANIFEST: dict[str, Any] = {
    "type": "micro",
    "wake_word": "Alexa",
    "author": "somebody",
    "model": "alexa.tflite",
    "trained_languages": ["en"],
    "version": 2,
    "micro": {"probability_cutoff": 0.9, "sliding_window_size": 5, "feature_step_size": 10, "tensor_arena_size": 1},
}


def _written(folder: Path, **change: Any) -> Path:
    path = folder / "word.json"
    path.write_text(json.dumps({**MANIFEST, **change}))
    return path


def test_a_manifest_names_model_cutoff_and_front_end(tmp_path: Path) -> None:
    word = wakeword.read_manifest(_written(tmp_path))
    assert (word.name, word.model, word.cutoff, word.window) == ("Alexa", tmp_path / "alexa.tflite", 0.9, 5)
    spec = wakeword.front_end(word, 3, 40)
    assert (spec.hop_samples, spec.window_samples, spec.n_frames, spec.enable_pcan) == (160, 480, 3, True)
    slower = _written(tmp_path, micro={**MANIFEST["micro"], "feature_step_size": 20})
    assert wakeword.front_end(wakeword.read_manifest(slower), 3, 40).hop_samples == 320


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "other"}, "type 'other'"),
        ({"version": 1}, "version 1"),
        ({"model": "../alexa.tflite"}, "no plain file name"),
        ({"micro": {"probability_cutoff": 1.5, "sliding_window_size": 0}}, "probability_cutoff.*sliding_window_size"),
        ({"wake_word": ""}, "wake_word"),
    ],
)
def test_a_wrong_manifest_is_refused_with_every_reason(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(TinygenError, match=words):
        wakeword.read_manifest(_written(tmp_path, **change))


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TinygenError, match="No such file"):
        wakeword.read_manifest(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(TinygenError, match="not JSON"):
        wakeword.read_manifest(tmp_path / "bad.json")


@pytest.mark.parametrize("cutoff", [0.9, 0.85, 0.97, 0.5, 0.001, 0.999, 0.3333333333333333])
@pytest.mark.parametrize("window", [1, 5, 7, 10])
def test_the_integer_threshold_is_the_cutoff_of_the_mean(cutoff: float, window: int) -> None:
    word = wakeword.WakeWord(name="x", model=Path("x.tflite"), cutoff=cutoff, window=window, step_ms=10)
    rule = wakeword.rule_of(word, rows=3, scale=1 / 256, zero_point=0, unsigned=True)
    for total in range(rule.threshold - 3, rule.threshold + 4):
        if not 0 <= total <= 255 * window:
            continue
        bytes_ = [total // window + (i < total % window) for i in range(window)]
        mean = statistics.mean([byte / 256 for byte in bytes_])  # as the reference runtime has it
        assert (mean > cutoff) == (total > rule.threshold)


def test_an_output_that_is_no_probability_is_refused() -> None:
    word = wakeword.WakeWord(name="x", model=Path("x.tflite"), cutoff=0.9, window=5, step_ms=10)
    with pytest.raises(TinygenError, match="zero point 3"):
        wakeword.rule_of(word, rows=3, scale=1 / 256, zero_point=3, unsigned=True)


def test_features_reach_published_models_as_their_authors_round() -> None:
    word = wakeword.WakeWord(name="x", model=Path("x.tflite"), cutoff=0.9, window=5, step_ms=10)
    scale = float(np.float32(26 / 255))
    chosen = quantize.for_input(wakeword.front_end(word, 3, 40), scale, -128)
    features = np.arange(2000, dtype=np.int16)
    real = np.round(features * np.float32(0.0390625) / np.float32(scale) - 128)
    assert np.array_equal(quantize.apply(features, chosen), np.clip(real, -128, 127))
