"""The last report of each verb, kept for `tinygen report`."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from tinygen.core.canonical import pretty_json
from tinygen.core.files import write_atomic
from tinygen.core.values import Report
from tinygen.pipeline.context import Context

_REPORT = TypeAdapter(Report)


def keep(ctx: Context, report: Report) -> Report:
    """Write the report beside the others of this task and board, and hand it on.

    Raises:
        TinygenError: the build folder cannot be written.
    """
    write_atomic(ctx.reports_dir / f"{report.kind}.json", pretty_json(report).encode())
    return report


def load(ctx: Context) -> list[Report]:
    """What was kept, oldest first; a damaged file counts as absent."""
    found = []
    for path in sorted(ctx.reports_dir.glob("*.json"), key=lambda p: p.stat().st_mtime_ns):
        try:
            found.append(_REPORT.validate_json(path.read_bytes()))
        except (ValidationError, OSError):
            continue
    return found
