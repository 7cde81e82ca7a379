"""The table [features] of tinygen.toml: constants of a task's front end that the user chose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.features.spec import (
    BandEnergySpec,
    FeatureSpec,
    LogMelSpec,
    ScaledWindowSpec,
    lead_in_samples,
    samples_per_window,
)
from tinygen.features.validate import spec_problems

WHERE = "tinygen.toml: [features]"
RECORDED = ("kind", "rate_hz", "n_channels")
"""What the recordings decide, not the user."""

Spec = TypeVar("Spec", LogMelSpec, BandEnergySpec, ScaledWindowSpec)
SPEECH = LogMelSpec(enable_noise_reduction=True, enable_pcan=True, lead_in_frames=50)
"""TFLM's audio front end with the constants of its micro_speech example and of the wake-word projects.

The noise estimate (a smoothing of 0.025 per 20 ms) needs about a second to settle, hence the lead-in.
"""

SPECS: dict[str, FeatureSpec] = {"kws": SPEECH, "vibration": BandEnergySpec(), "gesture": ScaledWindowSpec()}
"""The front end of each task."""


def constants(task: str) -> dict[str, Any]:
    """{name: default} of everything [features] may name for a task, in the spec's order."""
    spec = SPECS[task]
    return {field.name: getattr(spec, field.name) for field in fields(spec) if field.name not in RECORDED}


def checked(task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The table with numbers as the spec has them.

    Args:
        task: a known one.
        given: the table as TOML has it.

    Raises:
        TinygenError: unknown names, values of another kind; for audio also values out of range. All of them at once.
    """
    known, hints = constants(task), get_type_hints(type(SPECS[task]))
    found: dict[str, Any] = {}
    wrong = []
    for name, value in given.items():
        if name in RECORDED:
            wrong.append(f"{name}: is what the recordings have")
        elif name not in known:
            wrong.append(f"{name}: {task} has no such constant; {did_you_mean(name, known)}")
        else:
            try:
                adapter = TypeAdapter(hints[name], config=ConfigDict(strict=True))
                found[name] = adapter.validate_python(value)
            except ValidationError as error:
                wrong.append(f"{name}: {error.errors()[0]['msg']}, got {value!r}")
    if wrong:
        raise bad_input("\n  ".join(wrong), where=WHERE, hint="`tinygen init` writes every constant with its default")
    if task == "kws":
        with_constants(SPEECH, found)
    return found


def with_constants(spec: Spec, given: Mapping[str, Any]) -> Spec:
    """The front end with the user's constants; where window or hop change, as much of the signal as before is seen,
    and without noise reduction there is neither PCAN nor a lead-in, unless they are asked for.

    Raises:
        TinygenError: the front end cannot be computed; all reasons at once.
    """
    if not given:
        return spec
    made = replace(spec, **given)
    if not isinstance(made, ScaledWindowSpec) and made.hop_samples > 0:
        count = max(1, 1 + (samples_per_window(spec) - made.window_samples) // made.hop_samples)
        if isinstance(made, LogMelSpec):
            follows: dict[str, Any] = {
                "n_frames": count,
                "lead_in_frames": -(-lead_in_samples(spec) // made.hop_samples),
            }
            if not made.enable_noise_reduction:  # nothing settles then, and PCAN has no estimate to go by
                follows |= {"enable_pcan": False, "lead_in_frames": 0}
            made = replace(made, **{**follows, **given})
        else:
            made = replace(made, **{"n_windows": count, **given})
    problems = spec_problems(made)
    if problems:
        raise bad_input("\n  ".join(problems), where=WHERE)
    return made
