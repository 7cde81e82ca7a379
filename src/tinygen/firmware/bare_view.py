"""Stand-ins for front end and decision, so that the application also carries a model that has neither."""

from __future__ import annotations

from tinygen.firmware.environment import render

RUNTIME_VERSION = 1


def render_bare() -> dict[str, bytes]:
    """{"src/bare.cpp": its text}: empty implementations of features_api.h and decision_api.h."""
    return {"src/bare.cpp": render("model/bare.cpp.j2", {"runtime_version": RUNTIME_VERSION})}
