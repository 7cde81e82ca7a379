"""All that is wrong with a FeatureSpec, at once."""

from __future__ import annotations

import math

from tinygen.core.errors import bad_input
from tinygen.features.registry import kind_of
from tinygen.features.spec import FeatureSpec, feature_shape, samples_per_inference


def spec_problems(spec: FeatureSpec) -> list[str]:
    """Every reason why this spec is refused; empty when it is fine."""
    problems = []
    if not 1 <= spec.rate_hz <= 1_000_000:
        problems.append(f"rate_hz must be in 1..1000000, got {spec.rate_hz}")
    if not 1 <= spec.n_frames <= 4096:
        problems.append(f"n_frames must be in 1..4096, got {spec.n_frames}")
    if not (math.isfinite(spec.feature_scale) and spec.feature_scale > 0):
        problems.append(f"feature_scale must be a positive number, got {spec.feature_scale}")
    problems += kind_of(spec).problems(spec)
    if not problems:
        rows, values = feature_shape(spec)
        if rows * values > 65535:
            problems.append(f"{rows} frames of {values} values are more than 65535 model inputs")
        if samples_per_inference(spec) >= 1 << 24:
            problems.append(f"{samples_per_inference(spec)} samples for one inference are more than 16777215")
    return problems


def check_spec(spec: FeatureSpec) -> None:
    """Refuse a spec that cannot be computed.

    Raises:
        TinygenError: naming every wrong field.
    """
    problems = spec_problems(spec)
    if problems:
        raise bad_input("; ".join(problems), where=f"features '{spec.kind}'")
