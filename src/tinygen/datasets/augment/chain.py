"""Augmentation as data: a recipe is a list of steps, read from TOML or one of the presets."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.datasets.augment import audio, motion, vibration
from tinygen.datasets.values import Int16

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One variation.

    Attributes:
        kind: a name of KINDS.
        share: of the recordings that get it, 0..1.
        values: its numbers, by the names its kind has.
    """

    kind: str
    share: float = 1.0
    values: Values = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Steps in their order."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A variation there is.

    Attributes:
        name: in recipes.
        says: what it does, for people.
        usual: its numbers and what they are when nothing is said.
        make: (signal int16 [n, channels], generator, numbers, sampling rate in Hz) -> the varied signal.
    """

    name: str
    says: str
    usual: Values
    make: Callable[[Int16, np.random.Generator, Values, int], Int16]


KINDS: tuple[Kind, ...] = (
    Kind(name="speed", says="faster or slower, pitch moves too", usual={"low": 0.85, "high": 1.18},
         make=lambda x, rng, v, _: audio.change_speed(x, rng, v["low"], v["high"])),
    Kind(name="pitch", says="higher or lower at the same speed", usual={"low": 0.85, "high": 1.18},
         make=lambda x, rng, v, _: audio.change_pitch(x, rng, v["low"], v["high"])),
    Kind(name="vocal_tract", says="formants move, pitch stays", usual={"spread": 0.15},
         make=lambda x, rng, v, _: audio.warp_vocal_tract(x, rng, v["spread"])),
    Kind(name="equalize", says="another microphone", usual={"depth_db": 6.0},
         make=lambda x, rng, v, _: audio.equalize(x, rng, v["depth_db"])),
    Kind(name="room", says="reverberation", usual={"low_s": 0.1, "high_s": 0.5},
         make=lambda x, rng, v, rate: audio.add_room(x, rng, v["low_s"], v["high_s"], rate)),
    Kind(name="shift", says="earlier or later", usual={"max_samples": 1600},
         make=lambda x, rng, v, _: audio.shift_time(x, rng, int(v["max_samples"]))),
    Kind(name="level", says="louder or quieter", usual={"low_db": -14.0, "high_db": 8.0},
         make=lambda x, rng, v, _: audio.change_gain(x, rng, v["low_db"], v["high_db"])),
    Kind(name="clipping", says="peaks are cut off", usual={"low_db": 1.0, "high_db": 9.0},
         make=lambda x, rng, v, _: audio.clip_peaks(x, rng, v["low_db"], v["high_db"])),
    Kind(name="rotate", says="held another way", usual={"max_degrees": 15.0},
         make=lambda x, rng, v, _: motion.rotate(x, rng, v["max_degrees"])),
    Kind(name="time_warp", says="faster here, slower there", usual={"spread": 0.15},
         make=lambda x, rng, v, _: motion.warp_time(x, rng, v["spread"])),
    Kind(name="scale", says="larger or smaller movement", usual={"spread": 0.15},
         make=lambda x, rng, v, _: motion.scale(x, rng, v["spread"])),
    Kind(name="jitter", says="white noise, a share of the spread and some steps", usual={"spread": 0.01, "steps": 0.5},
         make=lambda x, rng, v, _: motion.jitter(x, rng, v["spread"] * float(np.std(x)) + v["steps"])),
    Kind(name="load", says="another load on the machine", usual={"spread": 0.2, "corner": 0.08},
         make=lambda x, rng, v, _: vibration.change_load(x, rng, v["spread"], v["corner"])),
    Kind(name="shaft_speed", says="another speed of the machine", usual={"low": 0.97, "high": 1.03},
         make=lambda x, rng, v, _: vibration.change_shaft_speed(x, rng, v["low"], v["high"])),
    Kind(name="white", says="a sensor's noise at a ratio", usual={"low_snr_db": 15.0, "high_snr_db": 40.0},
         make=lambda x, rng, v, _: vibration.add_white(x, rng, v["low_snr_db"], v["high_snr_db"])),
)  # fmt: skip
NOISE = "noise"
"""The step that needs background recordings; without any it does nothing."""

_NOISE_VALUES: Values = {"low_snr_db": 2.0, "high_snr_db": 35.0}
_BY_NAME = {kind.name: kind for kind in KINDS}

SPEECH = Recipe(
    name="speech",
    steps=(
        Step(kind="speed", share=0.6, values={"low": 0.85, "high": 1.18}),
        Step(kind="equalize", share=0.5, values={"depth_db": 6.0}),
        Step(kind="shift", values={"max_samples": 1600}),
        Step(kind="level", values={"low_db": -14.0, "high_db": 8.0}),
        Step(kind=NOISE, share=0.7, values={"low_snr_db": 2.0, "high_snr_db": 35.0}),
    ),
)
SPEECH_WIDE = Recipe(
    name="speech-wide",
    steps=(
        Step(kind="speed", share=0.6, values={"low": 0.82, "high": 1.22}),
        Step(kind="pitch", share=0.25, values={"low": 0.82, "high": 1.22}),
        Step(kind="vocal_tract", share=0.4, values={"spread": 0.15}),
        Step(kind="equalize", share=0.6, values={"depth_db": 8.0}),
        Step(kind="room", share=0.35, values={"low_s": 0.1, "high_s": 0.5}),
        Step(kind="shift", values={"max_samples": 1600}),
        Step(kind="level", values={"low_db": -18.0, "high_db": 8.0}),
        Step(kind="clipping", share=0.1, values={"low_db": 1.0, "high_db": 9.0}),
        Step(kind=NOISE, share=0.8, values={"low_snr_db": 0.0, "high_snr_db": 35.0}),
    ),
)
MOTION = Recipe(
    name="motion",
    steps=(
        Step(kind="time_warp", values={"spread": 0.15}),
        Step(kind="rotate", values={"max_degrees": 15.0}),
        Step(kind="scale", values={"spread": 0.15}),
        Step(kind="jitter", values={"spread": 0.01, "steps": 0.5}),
    ),
)
VIBRATION = Recipe(
    name="vibration",
    steps=(
        Step(kind="level", values={"low_db": -1.0, "high_db": 1.0}),
        Step(kind="jitter", values={"spread": 0.03, "steps": 0.5}),
    ),
)
VIBRATION_WIDE = Recipe(
    name="vibration-wide",
    steps=(
        Step(kind="load", values={"spread": 0.2, "corner": 0.08}),
        Step(kind="shaft_speed", values={"low": 0.97, "high": 1.03}),
        Step(kind="level", values={"low_db": -1.0, "high_db": 1.0}),
        Step(kind="white", values={"low_snr_db": 15.0, "high_snr_db": 40.0}),
    ),
)
PRESETS: tuple[Recipe, ...] = (SPEECH, SPEECH_WIDE, MOTION, VIBRATION, VIBRATION_WIDE)
USUAL = {"kws": SPEECH, "gesture": MOTION, "vibration": VIBRATION}
"""The recipe of each task when nothing is said."""


def vary(
    recipe: Recipe, signal: Int16, noises: Sequence[Int16], rng: np.random.Generator, rate_hz: int = 16000
) -> Int16:
    """One variation of a recording, decided by `rng` alone.

    Args:
        recipe: what is done.
        signal: int16 [n, channels].
        noises: backgrounds int16 [m, channels] for the step "noise".
        rng: decides.
        rate_hz: of the signal.

    Returns:
        int16 [n, channels].
    """
    out = signal
    for step in recipe.steps:
        if step.kind == NOISE and not noises:
            continue
        if step.share < 1.0 and rng.random() >= step.share:
            continue
        out = _one(step, out, noises, rng, rate_hz)
    return out


def _one(step: Step, signal: Int16, noises: Sequence[Int16], rng: np.random.Generator, rate_hz: int) -> Int16:
    if step.kind == NOISE:
        values = {**_NOISE_VALUES, **step.values}
        chosen = noises[int(rng.integers(len(noises)))]
        return audio.add_noise(signal, chosen, rng, values["low_snr_db"], values["high_snr_db"])
    kind = _BY_NAME[step.kind]
    return kind.make(signal, rng, {**kind.usual, **step.values}, rate_hz)


def usual_values(kind: str) -> Values:
    """The numbers a step has when its recipe says none."""
    return _NOISE_VALUES if kind == NOISE else _BY_NAME[kind].usual


def find_recipe(name: str) -> Recipe:
    """A preset by its name, or the recipe in a TOML file.

    Raises:
        TinygenError: no such preset or file; a wrong key or number, all of them named.
    """
    preset = next((recipe for recipe in PRESETS if recipe.name == name), None)
    if preset is not None:
        return preset
    path = Path(name)
    if not path.is_file():
        hint = did_you_mean(name, [recipe.name for recipe in PRESETS])
        raise bad_input(f"there is no recipe '{name}'", where="--recipe", hint=f"{hint}; or name a TOML file")
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    return parse_recipe(parsed, str(path))


def parse_recipe(parsed: Mapping[str, object], where: str) -> Recipe:
    """A recipe from TOML values: `name`, and tables `[[step]]` with `kind`, `share` and the kind's numbers.

    Raises:
        TinygenError: every wrong key and number, named.
    """
    listed = parsed.get("step")
    faults = [f"{key}: no such key" for key in parsed if key not in ("name", "step")]
    steps: list[Step] = []
    for number, table in enumerate(listed if isinstance(listed, list) else [], start=1):
        at = f"step {number}"
        kind = table.get("kind") if isinstance(table, dict) else None
        if not isinstance(kind, str) or (kind != NOISE and kind not in _BY_NAME):
            faults.append(f"{at}: no kind '{kind}'; {did_you_mean(str(kind), [NOISE, *_BY_NAME])}")
            continue
        known = usual_values(kind)
        values: dict[str, float] = {}
        for key, value in table.items():
            if key == "kind":
                continue
            if key != "share" and key not in known:
                faults.append(f"{at} ({kind}): no number '{key}'; it has {', '.join(('share', *known))}")
            elif isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                faults.append(f"{at} ({kind}): {key} is {value!r}, not a number")
            else:
                values[key] = float(value)
        share = values.pop("share", 1.0)
        merged = {**known, **values}
        faults += [
            f"{at} ({kind}): {low} is above {high}"
            for low, high in (
                ("low", "high"),
                ("low_db", "high_db"),
                ("low_s", "high_s"),
                ("low_snr_db", "high_snr_db"),
            )
            if low in merged and merged[low] > merged[high]
        ]
        if not 0.0 <= share <= 1.0:
            faults.append(f"{at} ({kind}): share is {share:g}, it lies between 0 and 1")
        steps.append(Step(kind=kind, share=share, values=values))
    if not steps and not faults:
        faults.append("there is no [[step]]")
    if faults:
        raise bad_input("\n  ".join(faults), where=where, hint="tinygen datasets preview --recipes lists what there is")
    return Recipe(name=str(parsed.get("name", "own")), steps=tuple(steps))
