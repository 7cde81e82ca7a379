"""A hand that moves a three-axis accelerometer: trajectory, wrist turn, gravity, tremor, sensor.

A position path with smooth (minimum-jerk) timing is differentiated twice; the sensor sees that acceleration minus
gravity in its own, turning frame. A group is one simulated person: how they hold the device, how fast, wide and
round they move, their tremor. Minimum-jerk timing: Flash & Hogan (1985).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.progress import Progress
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Recording

RATE_HZ = 100
SAMPLES = 160
LSB_PER_G = 4096
LABELS = ("none", "circle", "shake", "swipe")

_G = 9.80665
_OVERSAMPLING = 4
_SIZES = {"normal": (20, 12), "smoke": (6, 4)}

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Style of one simulated person; lengths in m, times in s, angles in rad."""

    hold: tuple[float, float, float]
    tempo: float
    reach: float
    roundness: float
    wrist: float
    tremor_hz: float
    tremor: float
    shake_hz: float
    clockwise: bool


def draw_person(rng: np.random.Generator) -> Person:
    """One person at random."""
    return Person(
        hold=tuple(float(v) for v in rng.normal(0.0, 0.22, size=3)),  # type: ignore[arg-type]
        tempo=float(rng.uniform(0.8, 1.25)),
        reach=float(rng.uniform(0.12, 0.24)),
        roundness=float(rng.uniform(0.7, 1.2)),
        wrist=float(rng.uniform(0.1, 0.5)),
        tremor_hz=float(rng.uniform(8.0, 12.0)),
        tremor=float(rng.uniform(0.02, 0.12)),
        shake_hz=float(rng.uniform(3.5, 5.5)),
        clockwise=bool(rng.random() < 0.8),
    )


def record(person: Person, label: str, rng: np.random.Generator) -> Float64:
    """Specific force in g as the sensor sees it, float64 [SAMPLES, 3]."""
    n = SAMPLES * _OVERSAMPLING
    t = np.arange(n) / (RATE_HZ * _OVERSAMPLING)
    path, turn = _motion(person, label, rng, t)
    step = t[1]
    acceleration = np.gradient(np.gradient(path, step, axis=0), step, axis=0)
    tremor_phase = rng.uniform(0, 2 * np.pi, size=3)
    acceleration += person.tremor * np.sin(2 * np.pi * person.tremor_hz * t[:, None] + tremor_phase)
    force = acceleration + np.array([0.0, 0.0, _G])
    angles = np.array(person.hold) + rng.normal(0.0, 0.08, size=3) + turn
    seen = _into_sensor_frame(force, angles) / _G
    seen = seen.reshape(SAMPLES, _OVERSAMPLING, 3).mean(axis=1)
    gain = 1.0 + rng.normal(0.0, 0.01, size=3)
    sensed: Float64 = seen * gain + rng.normal(0.0, 0.01, size=3) + rng.normal(0.0, 0.006, size=seen.shape)
    return sensed


def _min_jerk(t: Float64, start: float, length: float) -> Float64:
    """0 before `start`, 1 after start + length, smooth in between."""
    s = np.clip((t - start) / length, 0.0, 1.0)
    return np.asarray(10 * s**3 - 15 * s**4 + 6 * s**5)


def _motion(person: Person, label: str, rng: np.random.Generator, t: Float64) -> tuple[Float64, Float64]:
    """Path of the hand [n, 3] in m (x right, y forward, z up) and turn of the wrist [n, 3] in rad."""
    length = person.tempo * rng.uniform(0.9, 1.1)
    path = np.zeros((t.size, 3))
    turn = np.zeros((t.size, 3))
    reach = person.reach * rng.uniform(0.85, 1.15)
    middle = t[-1] / 2 + rng.uniform(-0.12, 0.12)
    if label == "circle":
        s = _min_jerk(t, middle - length / 2, length)
        angle = 2 * np.pi * s * (-1.0 if person.clockwise else 1.0)
        path[:, 0] = reach * 0.8 * np.sin(angle)
        path[:, 2] = reach * 0.8 * person.roundness * (1 - np.cos(angle))
        turn[:, 1] = person.wrist * np.sin(angle) * 0.6
    elif label == "swipe":
        s = _min_jerk(t, middle - length * 0.3, length * 0.6)
        path[:, 0] = 2.2 * reach * s
        path[:, 2] = 0.3 * reach * np.sin(np.pi * s) * rng.uniform(-1, 1)
        turn[:, 2] = -person.wrist * s
    elif label == "shake":
        envelope = _min_jerk(t, middle - length / 2, 0.2) * (1 - _min_jerk(t, middle + length / 2 - 0.2, 0.2))
        hz = person.shake_hz * rng.uniform(0.92, 1.08)
        wave = np.sin(2 * np.pi * hz * t + rng.uniform(0, 2 * np.pi)) * envelope
        path[:, 0] = 0.16 * reach * wave
        turn[:, 1] = person.wrist * 0.4 * wave
    else:
        _idle(rng, t, path, turn)
    return path, turn


def _idle(rng: np.random.Generator, t: Float64, path: Float64, turn: Float64) -> None:
    """Anything that is no gesture: rest, turning, walking, being put down, reaching for something, fidgeting."""
    kind = rng.integers(0, 6)
    if kind == 1:
        turn += np.outer(_min_jerk(t, rng.uniform(0, 0.5), 1.0), rng.normal(0, 0.5, size=3))
    elif kind == 2:
        hz = rng.uniform(1.6, 2.1)
        path[:, 2] = 0.018 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6))
        path[:, 1] = 0.012 * np.sin(2 * np.pi * hz * t / 2 + rng.uniform(0, 6))
    elif kind == 3:
        down = _min_jerk(t, rng.uniform(0.2, 0.6), 0.7)
        path[:, 2] = -rng.uniform(0.05, 0.15) * down
        turn += np.outer(down, rng.normal(0, 0.3, size=3))
    elif kind == 4:  # a reach in any direction: a swipe that is not sideways
        path += np.outer(_min_jerk(t, rng.uniform(0.2, 0.7), rng.uniform(0.5, 0.9)), rng.normal(0, 0.15, size=3))
    elif kind == 5:  # restless hands: much smaller and less regular than a shake
        for axis in range(3):
            path[:, axis] = 0.004 * np.sin(2 * np.pi * rng.uniform(2.0, 5.0) * t + rng.uniform(0, 6))


def _into_sensor_frame(force: Float64, angles: Float64) -> Float64:
    """Rotate world vectors [n, 3] by the inverse of yaw-pitch-roll angles [n, 3]."""
    roll, pitch, yaw = angles[:, 0], angles[:, 1], angles[:, 2]
    x, y, z = force[:, 0], force[:, 1], force[:, 2]
    x, y = np.cos(yaw) * x + np.sin(yaw) * y, -np.sin(yaw) * x + np.cos(yaw) * y
    x, z = np.cos(pitch) * x - np.sin(pitch) * z, np.sin(pitch) * x + np.cos(pitch) * z
    y, z = np.cos(roll) * y + np.sin(roll) * z, -np.sin(roll) * y + np.cos(roll) * z
    return np.stack([x, y, z], axis=1)


def generate(seed: int, size: str, progress: Progress) -> tuple[list[Recording], list[Recording]]:
    """People who circle, shake, swipe or do nothing: int16, 1.6 s at 100 Hz, 4096 steps per g (a ±8 g sensor)."""
    n_people, per_label = _SIZES[size]
    recordings: list[Recording] = []
    for index in range(n_people):
        rng = np.random.default_rng([seed, 2, index])
        person = draw_person(rng)
        for label in LABELS:
            for number in range(per_label):
                recordings.append(
                    Recording(
                        signal=to_int16(record(person, label, rng) * LSB_PER_G),
                        rate_hz=RATE_HZ,
                        label=label,
                        group=f"person{index:02d}",
                        name=f"person{index:02d}/{label}{number:02d}",
                    )
                )
        progress("simulating people", index + 1, n_people)
    return recordings, []
