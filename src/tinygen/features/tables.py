"""The integer tables of a spec: all that the firmware and the reference share."""

from __future__ import annotations

from tinygen.features.kind import Tables
from tinygen.features.registry import kind_of
from tinygen.features.spec import FeatureSpec
from tinygen.features.validate import check_spec


def tables(spec: FeatureSpec) -> Tables:
    """Integer arrays by name, as rendered into features.cpp.

    Raises:
        TinygenError: the spec is wrong; all reasons at once.
    """
    check_spec(spec)
    return kind_of(spec).tables(spec)
