"""A Report as one JSON document with stable keys."""

from __future__ import annotations

import math

from tinygen.core.canonical import to_jsonable
from tinygen.core.values import Report

SCHEMA = 1
# What the document says about itself; nothing in a report's details may take these names.
RESERVED = ("schema", "kind", "ok", "subject", "checks", "measurements", "origins", "units", "tables", "notes")


def document(report: Report) -> dict[str, object]:
    """The report as JSON values.

    Keys: `schema` (1), `kind`, `ok`, `subject`, `checks` [{name, status, reason}], `measurements` {name: {value, unit,
    origin, note}}, `tables` [{title, columns, rows}], `notes`. Beside them every detail and every measurement stands
    flat at the top, `"arena_bytes": 1234`, and `origins` and `units` say, by the same names, where each number comes
    from. A number that was not measured is null.
    """
    flat: dict[str, object] = {str(name): _clean(to_jsonable(value)) for name, value in report.details.items()}
    measured: dict[str, object] = {}
    for m in report.measurements:
        value = _clean(m.value)
        flat[m.name] = value
        measured[m.name] = {"value": value, "unit": m.unit, "origin": m.origin, "note": m.note}
    own: dict[str, object] = {
        "schema": SCHEMA,
        "kind": report.kind,
        "ok": report.ok,
        "subject": dict(report.subject),
        "checks": [{"name": c.name, "status": c.status.value, "reason": c.reason} for c in report.checks],
        "measurements": measured,
        "origins": {m.name: m.origin for m in report.measurements},
        "units": {m.name: m.unit for m in report.measurements},
        "tables": [
            {"title": t.title, "columns": list(t.columns), "rows": [list(row) for row in t.rows]} for t in report.tables
        ],
        "notes": list(report.notes),
    }
    return {**flat, **own}


def _clean(value: object) -> object:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value
