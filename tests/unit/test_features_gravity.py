"""Gravity taken out, and motion that looks the same however the device is held."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.features import reference
from tinygen.features.spec import ScaledWindowSpec
from tinygen.features.validate import spec_problems

Float64 = npt.NDArray[np.float64]
G = 4096


def _tilt(roll: float, pitch: float) -> Float64:
    """The matrix from a level frame into a tilted device's, without any turn about the vertical that tilts itself."""
    axis = np.array([np.cos(pitch), np.sin(pitch), 0.0])  # a horizontal axis: the smallest rotation
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    tilt: Float64 = np.eye(3) + np.sin(roll) * cross + (1 - np.cos(roll)) * (cross @ cross)
    return tilt


def _motion(n: int) -> Float64:
    t = np.arange(n) / 100
    swing = np.exp(-((t - 0.8) ** 2) / 0.02)[:, None]
    moved: Float64 = swing * np.stack([1.2 * np.sin(25 * t), 0.5 * np.cos(18 * t), 0.8 * np.sin(31 * t)], axis=1)
    return moved


@pytest.mark.parametrize("roll", [0.0, 0.4, 1.2, 2.2])
@pytest.mark.parametrize("heading", [0.0, 1.0, 4.0])
def test_a_tilted_device_sees_the_same_motion(roll: float, heading: float) -> None:
    spec = ScaledWindowSpec(n_channels=6, gravity="level", gravity_rows_log2=8, n_frames=160)
    turning = _motion(160)[:, ::-1] * 300
    level = np.concatenate([_motion(160) + np.array([0.0, 0.0, 1.0]), turning / G], axis=1) * G
    tilt = _tilt(roll, heading)
    tilted = np.concatenate([level[:, :3] @ tilt.T, level[:, 3:] @ tilt.T], axis=1)
    seen = [reference.frames(spec, np.rint(signal).astype(np.int16)).astype(np.int32) for signal in (level, tilted)]
    assert (
        np.abs(seen[0][:, :3] - (level[:, :3] - [0, 0, G])).max() < 0.07 * G
    )  # the mean moves a little with the motion
    # The mean moves a little with the motion, which costs heading the more the nearer to upside down.
    assert np.abs(seen[0] - seen[1]).max() <= 0.03 * G


def test_gravity_goes_and_comes_to_rest_after_a_turn() -> None:
    spec = ScaledWindowSpec(gravity="remove", gravity_rows_log2=4, n_frames=400)
    held = np.array([[0, 0, G]] * 100 + [[G, 0, 0]] * 300, np.int16)
    rows = reference.frames(spec, held).astype(np.int32)
    assert not rows[:100].any()
    assert rows[101, 0] > 0.8 * G
    assert np.abs(rows[300:]).max() <= 1


def test_a_free_fall_is_no_division_by_zero_and_the_loudest_motion_fits() -> None:
    spec = ScaledWindowSpec(gravity="level", n_frames=64, gravity_rows_log2=1)
    assert not reference.frames(spec, np.zeros((64, 3), np.int16)).any()
    jumps = np.random.default_rng(1).choice([-32768, 32767], (64, 3)).astype(np.int16)
    assert np.abs(reference.frames(spec, jumps).astype(np.int32)).max() <= 32768


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ScaledWindowSpec(gravity="level", n_channels=4), "3 channels"),
        (ScaledWindowSpec(gravity_rows_log2=0), "gravity_rows_log2"),
        (ScaledWindowSpec(gravity="down"), "gravity must"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_is_refused(spec: ScaledWindowSpec, words: str) -> None:
    assert any(words in problem for problem in spec_problems(spec))
