"""The NumPy integer reference of every front end: what the firmware computes, bit by bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinygen.core.errors import bad_input
from tinygen.features.registry import kind_of
from tinygen.features.spec import FeatureSpec, samples_per_inference
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
    check_spec(spec)
    if raw.dtype != np.int16:
        raise bad_input(f"samples must be int16, got {raw.dtype}", where="raw signal")
    if raw.ndim != 3 or raw.shape[2] != spec.n_channels:
        raise bad_input(
            f"expected [samples, {spec.n_channels} channels], got {list(raw.shape[1:])}", where="raw signal"
        )
    needed = samples_per_inference(spec)
    if raw.shape[1] < needed:
        raise bad_input(f"{raw.shape[1]} samples are too few: one inference takes {needed}", where="raw signal")
    return kind_of(spec).frames_batch(spec, raw[:, :needed])
