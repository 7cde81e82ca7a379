"""Gravity taken out of motion, and motion turned upright, row by row, in integers.

Channels 0..2 are an accelerometer, channels 3..5 (if there are six) a gyroscope of the same axes. Per row m:
    G  = 256 m of the first row, then G += floor((256 m - G + 2^(k-1)) / 2^k)     a slow mean, k = gravity_rows_log2
    g  = floor((G + 128) / 256)
    v  = clamp(m - g)                                                             acceleration without gravity
"remove" gives v. "level" also turns v (and the gyroscope's row) by the smallest rotation that takes g upright (to +z),
so that however the device is tilted, up is up; the heading stays the device's. With u = g / |g| in Q14, truncated,
d = max(2^14 + u_z, 2^8) and t = floor((u_y v_x - u_x v_y + 2^13) / 2^14), s = 2^14 t / d truncated:
    x = u_z v_x - u_x v_z + u_y s
    y = u_z v_y - u_y v_z - u_x s
    z = u_x v_x + u_y v_y + u_z v_z             each floor((. + 2^13) / 2^14), clamped to int16
Source: Rodrigues' rotation formula about g x z. Upside down it has no single answer: the
nearer to that, the more a wobble of the mean turns the heading.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.features.integers import sqrt_rounded
from tinygen.features.kind import Int16
from tinygen.features.spec import ScaledWindowSpec

UNIT_BITS = 14
LEAST_D = 1 << 8
_HALF = 1 << (UNIT_BITS - 1)

Int64 = npt.NDArray[np.int64]


def problems(spec: ScaledWindowSpec) -> list[str]:
    """Reasons to refuse what a spec wants of gravity."""
    found = []
    if spec.gravity not in ("keep", "remove", "level"):
        found.append(f"gravity must be keep, remove or level, got {spec.gravity}")
    if spec.gravity != "keep" and spec.n_channels not in (3, 6):
        found.append(f"gravity '{spec.gravity}' takes 3 channels, or 6 with a gyroscope, got {spec.n_channels}")
    if not 1 <= spec.gravity_rows_log2 <= 12:
        found.append(f"gravity_rows_log2 must be in 1..12, got {spec.gravity_rows_log2}")
    return found


def without_gravity(spec: ScaledWindowSpec, rows: Int16) -> Int16:
    """Rows int16 [batch, rows, n_channels], each batch entry from its own beginning."""
    if spec.gravity == "keep":
        return rows
    wide = rows.astype(np.int64)
    slow = np.empty_like(wide[:, :, :3])
    state = wide[:, 0, :3] * 256
    half = 1 << (spec.gravity_rows_log2 - 1)
    slow[:, 0] = state
    for i in range(1, wide.shape[1]):
        state = state + ((wide[:, i, :3] * 256 - state + half) >> spec.gravity_rows_log2)
        slow[:, i] = state
    gravity = (slow + 128) >> 8
    moved = wide.copy()
    moved[:, :, :3] = np.clip(wide[:, :, :3] - gravity, -32768, 32767)
    if spec.gravity == "level":
        unit = _unit(gravity)
        for at in range(0, spec.n_channels, 3):
            moved[:, :, at : at + 3] = _turned(unit, moved[:, :, at : at + 3])
    upright: Int16 = moved.astype(np.int16)
    return upright


def _unit(gravity: Int64) -> Int64:
    """int64 [..., 3] in Q14; straight up where there is no gravity."""
    norm = sqrt_rounded((gravity * gravity).sum(axis=-1).astype(np.uint64)).astype(np.int64)[..., None]
    unit = np.sign(gravity) * ((np.abs(gravity) << UNIT_BITS) // np.maximum(norm, 1))
    upright: Int64 = np.where(norm == 0, np.array([0, 0, 1 << UNIT_BITS]), unit)
    return upright


def _turned(unit: Int64, v: Int64) -> Int64:
    ux, uy, uz = unit[..., 0], unit[..., 1], unit[..., 2]
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    d = np.maximum((1 << UNIT_BITS) + uz, LEAST_D)
    t = (uy * vx - ux * vy + _HALF) >> UNIT_BITS
    s = np.sign(t) * ((np.abs(t) << UNIT_BITS) // d)
    turned = np.stack([uz * vx - ux * vz + uy * s, uz * vy - uy * vz - ux * s, ux * vx + uy * vy + uz * vz], axis=-1)
    found: Int64 = np.clip((turned + _HALF) >> UNIT_BITS, -32768, 32767)
    return found
