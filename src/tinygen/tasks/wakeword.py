"""Wake words that others published: a microWakeWord manifest (version 2) and the model beside it.

Source: the JSON files of microWakeWord and of ESPHome's wake-word models (github.com/esphome/micro-wake-word-models):
`micro.probability_cutoff`, `micro.sliding_window_size`, `micro.feature_step_size`. Their features are those of TFLM's
audio front end with noise reduction and PCAN: 16 kHz, windows of 30 ms, 40 bands from 125 to 7500 Hz.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tinygen.core.errors import bad_input
from tinygen.features.spec import LogMelSpec
from tinygen.tasks.stream import MAX_SMOOTHING, StreamRule, check_rule

_RATE_HZ = 16000
_WINDOW_MS = 30
REFRACTORY_S = 1.0
"""A wake word is said once: the reference runtime leaves this to its user."""


class _Micro(BaseModel):
    model_config = ConfigDict(extra="ignore")
    probability_cutoff: float = Field(gt=0, lt=1)
    sliding_window_size: int = Field(ge=1, le=MAX_SMOOTHING)
    feature_step_size: int = Field(default=10, ge=1, le=_WINDOW_MS)


class _File(BaseModel):
    """What is used of a manifest; author, website, languages and ESPHome's own numbers are not."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=())
    type: str
    wake_word: str = Field(min_length=1, max_length=64)
    model: str = Field(min_length=1)
    version: int
    micro: _Micro


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeWord:
    """A manifest.

    Attributes:
        name: what is said.
        model: the .tflite file.
        cutoff: the mean probability above which it was said.
        window: inferences in that mean.
        step_ms: hop of the front end.
    """

    name: str
    model: Path
    cutoff: float
    window: int
    step_ms: int


def read_manifest(path: Path) -> WakeWord:
    """Read a manifest; the model is looked for beside it.

    Raises:
        TinygenError: unreadable, another kind or version, values that are none; all of them named.
    """
    try:
        file = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
        raise bad_input("; ".join(faults), where=str(path), hint="expected a microWakeWord manifest") from error
    except ValueError as error:
        raise bad_input(f"is not JSON: {error}", where=str(path)) from error
    if file.type != "micro" or file.version != 2:
        raise bad_input(
            f"is of type '{file.type}' and version {file.version}; known: type 'micro', version 2", where=str(path)
        )
    if Path(file.model).name != file.model:
        raise bad_input(f"model: '{file.model}' is no plain file name", where=str(path))
    return WakeWord(
        name=file.wake_word,
        model=path.parent / file.model,
        cutoff=file.micro.probability_cutoff,
        window=file.micro.sliding_window_size,
        step_ms=file.micro.feature_step_size,
    )


def front_end(word: WakeWord, rows: int, bands: int) -> LogMelSpec:
    """The front end of a published model that takes `rows` x `bands` features per inference."""
    return LogMelSpec(
        rate_hz=_RATE_HZ,
        window_samples=_RATE_HZ * _WINDOW_MS // 1000,
        hop_samples=_RATE_HZ * word.step_ms // 1000,
        n_frames=rows,
        n_bands=bands,
        enable_noise_reduction=True,
        enable_pcan=True,
    )


def rule_of(word: WakeWord, *, rows: int, scale: float, zero_point: int, unsigned: bool) -> StreamRule:
    """The detection "mean probability above the cutoff" in integers, exactly.

    Probabilities are scale * (q - zero_point), their mean is rounded to a float64 as the reference runtime does.

    Args:
        word: the manifest.
        rows: feature rows per inference.
        scale, zero_point: of the model's output; it must map the type's smallest value to 0.
        unsigned: the output is uint8.

    Raises:
        TinygenError: an output that is no probability of this form.
    """
    if zero_point != (0 if unsigned else -128) or not 0 < scale <= 1 / 128:
        raise bad_input(
            f"the output has scale {scale:g} and zero point {zero_point}; a probability's smallest byte stands for 0",
            where=word.model.name,
        )
    step = Fraction(scale) / word.window
    threshold = max(0, math.floor(Fraction(word.cutoff) / step) - 1)
    while float(step * (threshold + 1)) <= word.cutoff:
        threshold += 1
    rule = StreamRule(
        kind="labels",
        labels=(word.name,),
        watched=(0,),
        unsigned_output=unsigned,
        window_rows=rows,
        hop_rows=rows,
        warmup=0,
        smoothing=word.window,
        threshold=threshold,
        release=threshold // 2,
        refractory_samples=round(REFRACTORY_S * _RATE_HZ),
    )
    check_rule(rule)
    return rule
