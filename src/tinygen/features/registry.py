"""The front ends there are."""

from __future__ import annotations

from typing import Any

from tinygen.features import bands, logmel, window
from tinygen.features.kind import FeatureKind
from tinygen.features.spec import FeatureSpec

KINDS: tuple[FeatureKind[Any], ...] = (logmel.KIND, bands.KIND, window.KIND)


def kind_of(spec: FeatureSpec) -> FeatureKind[Any]:
    """The kind a spec belongs to."""
    return next(kind for kind in KINDS if isinstance(spec, kind.spec_type))
