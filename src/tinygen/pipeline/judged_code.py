"""The code that the judged figures of motion and vibration depend on: a change elsewhere trains nothing anew."""

from __future__ import annotations

from tinygen.core.canonical import digest_tree
from tinygen.core.resources import source_dir

_FILES = {
    "datasets": ("augment", "cut.py", "negatives.py", "signal.py", "window.py"),
    "tasks": (
        "decision.py", "gesture.py", "learning.py", "segment.py", "shapes.py", "spec.py", "stream.py", "thresholds.py",
        "vibration.py",
    ),
    "training": (
        "build.py", "convert.py", "evaluate.py", "examples.py", "fit.py", "int8.py", "kept.py", "mahalanobis.py",
        "metrics.py", "open_set.py", "quiet.py", "run.py",
    ),
}  # fmt: skip


def judged_code() -> str:
    """SHA-256 of it."""
    files = [source_dir(room) / name for room, names in _FILES.items() for name in names]
    return digest_tree([source_dir("features"), *files], suffixes=(".py",))
