"""The NumPy integer reference of every front end: what the firmware computes, bit by bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.features.registry import kind_of
from tinygen.features.spec import FeatureSpec, feature_shape, samples_per_inference
from tinygen.features.validate import check_spec

Int16 = npt.NDArray[np.int16]


def frames(spec: FeatureSpec, raw: Int16) -> Int16:
    """The rows of the first inference of a recording.

    Args:
        spec: the front end.
        raw: int16 [n >= samples_per_inference(spec), n_channels]; later samples are ignored.

    Returns:
        int16 [n_frames, values].

    Raises:
        TinygenError: the spec is wrong, or `raw` has another shape or type or is too short.
    """
    rows: Int16 = frames_batch(spec, np.asarray(raw)[None])[0]
    return rows


def frames_batch(spec: FeatureSpec, raw: Int16) -> Int16:
    """The rows of the first inference of many recordings; the same bits as `frames` one by one, much faster.

    Args:
        spec: the front end.
        raw: int16 [batch, n >= samples_per_inference(spec), n_channels].

    Returns:
        int16 [batch, n_frames, values].

    Raises:
        TinygenError: the spec is wrong, or `raw` has another shape or type or is too short.
    """
    _check(spec, raw, raw.shape[1:])
    needed = samples_per_inference(spec)
    if raw.shape[1] < needed:
        raise bad_input(f"{raw.shape[1]} samples are too few: one inference takes {needed}", where="raw signal")
    return kind_of(spec).frames_batch(spec, raw[:, :needed])


def stream(spec: FeatureSpec, raw: Int16) -> Int16:
    """Every whole row of a signal without end, as the device's streaming makes them; n_frames does not matter.

    Args:
        spec: the front end.
        raw: int16 [n, n_channels].

    Returns:
        int16 [rows, values].

    Raises:
        TinygenError: the spec is wrong, or `raw` has another shape or type.
    """
    _check(spec, raw, raw.shape)
    if len(raw) < row_end(spec, 0):
        return np.zeros((0, feature_shape(spec)[1]), np.int16)
    rows: Int16 = kind_of(spec).stream(spec, raw)
    return rows


def row_end(spec: FeatureSpec, row: int) -> int:
    """Instants of a signal that have come when row number `row` (from 0) is whole."""
    return kind_of(spec).row_end(spec, row)


def _check(spec: FeatureSpec, raw: Int16, shape: tuple[int, ...]) -> None:
    check_spec(spec)
    if raw.dtype != np.int16:
        raise bad_input(f"samples must be int16, got {raw.dtype}", where="raw signal")
    if len(shape) != 2 or shape[1] != spec.n_channels:
        raise bad_input(f"expected [samples, {spec.n_channels} channels], got {list(shape)}", where="raw signal")
