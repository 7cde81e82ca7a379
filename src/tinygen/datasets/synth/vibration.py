"""A rolling bearing on paper: shaft harmonics, resonances struck by faults, noise, load.

Model after McFadden & Smith (1984), "Model for the vibration produced by a single point defect in a rolling element
bearing", and Antoni & Randall (2003) for the slip between impacts. A group is one simulated machine: its geometry,
resonances, unbalance, noise and sensor are drawn once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.bearing import Bearing, fault_frequencies
from tinygen.core.progress import Progress
from tinygen.datasets.signal import to_int16
from tinygen.datasets.values import Recording

RATE_HZ = 25600
SAMPLES = 2560
LSB_PER_G = 512
_PITCH_MM = 32.0

_SIZES = {"normal": (15, 40, 16), "smoke": (6, 6, 4)}

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What stays the same over all snapshots of one bearing.

    Frequencies in Hz, amplitudes in g, damping as a ratio.
    """

    shaft_hz: float
    bearing: Bearing
    harmonics: tuple[float, ...]
    resonances: tuple[tuple[float, float, float], ...]
    noise_g: float
    colour: float
    axis_gain: float
    fault: str


def draw_machine(rng: np.random.Generator, index: int) -> Machine:
    """One machine of the same make at random; faults alternate between the races."""
    return Machine(
        shaft_hz=float(rng.choice([25.0, 27.5, 30.0]) * rng.uniform(0.98, 1.02)),
        bearing=Bearing(
            balls=int(rng.integers(9, 15)),
            ball_mm=_PITCH_MM * float(rng.uniform(0.12, 0.2)),
            pitch_mm=_PITCH_MM,
            angle_deg=math.degrees(rng.uniform(0.0, 0.25)),
        ),
        harmonics=tuple(float(v) for v in rng.uniform(0.02, 0.12, size=4) / np.arange(1, 5)),
        resonances=tuple(
            (float(centre * rng.uniform(0.94, 1.06)), float(rng.uniform(0.03, 0.05)), float(rng.uniform(0.6, 0.9)))
            for centre in (1900.0, 4600.0, 8600.0)
        ),
        noise_g=float(rng.uniform(0.17, 0.24)),
        colour=float(rng.uniform(0.3, 0.5)),
        axis_gain=float(rng.uniform(0.75, 1.0)),
        fault=("outer_race", "inner_race")[index % 2],
    )


def snapshot(machine: Machine, rng: np.random.Generator, severity: float) -> Float64:
    """One snapshot in g, float64 [SAMPLES, 2 axes]; severity 0 = sound, 1 = end of life."""
    n = 2 * SAMPLES  # the first half lets resonances ring in
    t = np.arange(n) / RATE_HZ
    load = rng.uniform(0.9, 1.1)
    shaft = machine.shaft_hz * rng.uniform(0.995, 1.005)
    phase = rng.uniform(0, 2 * np.pi)
    hum = np.zeros(n)
    for order, amplitude in enumerate(machine.harmonics, start=1):
        hum += amplitude * load * np.sin(2 * np.pi * order * shaft * t + order * phase)
    force = rng.normal(0.0, 0.25, size=n)  # rolling contact: a sound bearing excites its resonances a little too
    if severity > 0:
        force += _impacts(machine, rng, severity=severity, shaft_hz=shaft, phase=phase) * load
    rung = _ring(machine, force)
    white = rng.normal(0.0, machine.noise_g, size=(n, 2))
    coloured = white.copy()
    coloured[1:] += machine.colour * white[:-1]
    wear = 1.0 + 0.6 * severity
    axes = np.stack([hum + rung, machine.axis_gain * (0.8 * hum + np.roll(rung, 3))], axis=1)
    return (axes + wear * coloured)[SAMPLES:]


def _impacts(machine: Machine, rng: np.random.Generator, *, severity: float, shaft_hz: float, phase: float) -> Float64:
    """Force of a rolling element striking a spall: a train of impulses with 1 % slip, 2 * SAMPLES long."""
    n = 2 * SAMPLES
    inner = machine.fault == "inner_race"
    rate = fault_frequencies(machine.bearing, shaft_hz)["BPFI" if inner else "BPFO"]
    count = int(n / RATE_HZ * rate) + 2
    gaps = rng.normal(1.0, 0.01, size=count) / rate
    times = np.cumsum(gaps) - rng.uniform(0, 1.0) / rate
    strength = (1.0 + 9.0 * severity) * rng.uniform(0.7, 1.3, size=count)
    if inner:  # the spall turns through the load zone
        strength *= 0.25 + np.clip(np.cos(2 * np.pi * shaft_hz * times + phase), 0.0, None)
    force = np.zeros(n)
    at = np.rint(times * RATE_HZ).astype(int)
    inside = (at >= 0) & (at < n)
    np.add.at(force, at[inside], strength[inside])
    return force


def _ring(machine: Machine, force: Float64) -> Float64:
    """The structure's answer to a force: a sum of damped modes."""
    t = np.arange(512) / RATE_HZ
    answer = np.zeros(512)
    for frequency, damping, gain in machine.resonances:
        decay = 2 * np.pi * frequency * damping
        answer += gain * np.exp(-decay * t) * np.sin(2 * np.pi * frequency * np.sqrt(1 - damping**2) * t)
    length = force.size + answer.size
    full = np.fft.irfft(np.fft.rfft(force, length) * np.fft.rfft(answer, length), length)
    return np.asarray(full[: force.size])


def generate(seed: int, size: str, progress: Progress) -> tuple[list[Recording], list[Recording]]:
    """Machines in sound state and with a growing fault: int16 snapshots of 0.1 s, two axes, 512 steps per g."""
    n_machines, n_healthy, n_faulty = _SIZES[size]
    recordings: list[Recording] = []
    for index in range(n_machines):
        rng = np.random.default_rng([seed, 1, index])
        machine = draw_machine(rng, index)
        group = f"machine{index:02d}"
        severities = [0.0] * n_healthy + [float(v) for v in np.linspace(0.25, 1.0, n_faulty)]
        for number, severity in enumerate(severities):
            recordings.append(
                Recording(
                    signal=to_int16(snapshot(machine, rng, severity) * LSB_PER_G),
                    rate_hz=RATE_HZ,
                    label=machine.fault if severity else "healthy",
                    group=group,
                    name=f"{group}:{number:03d}",
                    position=number / (len(severities) - 1),
                )
            )
        progress("simulating machines", index + 1, n_machines)
    return recordings, []
