"""Scaled windows: motion samples averaged in groups and kept as int16."""

from __future__ import annotations

import numpy as np

from tinygen.features import gravity
from tinygen.features.kind import FeatureKind, Int16, Tables
from tinygen.features.spec import ScaledWindowSpec

MAX_DECIMATION = 32768


def problems(spec: ScaledWindowSpec) -> list[str]:
    """Reasons to refuse the spec."""
    found = []
    if not 1 <= spec.n_channels <= 16:
        found.append(f"n_channels must be in 1..16, got {spec.n_channels}")
    if not 1 <= spec.decimation <= MAX_DECIMATION:
        found.append(f"decimation must be in 1..{MAX_DECIMATION}, got {spec.decimation}")
    return found + gravity.problems(spec)


def frames_batch(spec: ScaledWindowSpec, raw: Int16) -> Int16:
    """floor((sum of `decimation` samples + floor(decimation / 2)) / decimation) of each group and channel,
    then what `gravity` says.

    Args:
        spec: the front end.
        raw: int16 [batch, n_frames * decimation, n_channels].

    Returns:
        int16 [batch, n_frames, n_channels].
    """
    return gravity.without_gravity(spec, _means(spec, raw))


def _means(spec: ScaledWindowSpec, raw: Int16) -> Int16:
    groups = raw.reshape(raw.shape[0], -1, spec.decimation, spec.n_channels)
    sums = groups.sum(axis=2, dtype=np.int64)
    means: Int16 = ((sums + spec.decimation // 2) // spec.decimation).astype(np.int16)
    return means


def tables(spec: ScaledWindowSpec) -> Tables:
    """No tables are needed."""
    del spec
    return {}


def rows(spec: ScaledWindowSpec, raw: Int16) -> Int16:
    """int16 [rows, n_channels] of an endless signal."""
    count = len(raw) // spec.decimation
    found: Int16 = frames_batch(spec, raw[None, : count * spec.decimation])[0]
    return found


def row_end(spec: ScaledWindowSpec, row: int) -> int:
    """Instants that have come when a row is whole."""
    return (row + 1) * spec.decimation


KIND = FeatureKind(
    name="window",
    spec_type=ScaledWindowSpec,
    problems=problems,
    tables=tables,
    frames_batch=frames_batch,
    stream=rows,
    row_end=row_end,
)
