"""How values are said to people; the terminal and the HTML view share it."""

from __future__ import annotations

import math

from tinygen.core.values import CheckStatus, Measurement, Report

MISSING = "not measured"

STATUS_WORDS: dict[CheckStatus, str] = {
    CheckStatus.PASSED: "passed",
    CheckStatus.FAILED: "FAILED",
    CheckStatus.ERROR: "ERROR",
    CheckStatus.SKIPPED: "skipped",
    CheckStatus.BLOCKED: "blocked",
}
_UNIT_ENDINGS = ("_bytes", "_ms", "_s", "_hz", "_samples", "_cycles", "_instructions")
_UNIT_WORDS = {"count": "", "ratio": ""}
_WORDS = {"macs": "MACs", "mac": "MAC", "ram": "RAM", "int8": "INT8", "auc": "AUC"}
_EXACT_DIGITS = 4


def number(value: float | None) -> str:
    """A number for people: thousands separated, four significant digits of a fraction, words for none."""
    if value is None:
        return MISSING
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.{_EXACT_DIGITS}g}" if abs(value) < 10**_EXACT_DIGITS else f"{value:,.0f}"


def quantity(measurement: Measurement) -> str:
    """Value and unit."""
    text = number(measurement.value)
    unit = _UNIT_WORDS.get(measurement.unit, measurement.unit)
    if measurement.value is None or not unit or unit == label(measurement.name):
        return text
    return f"{text} {unit}"


def origin(measurement: Measurement) -> str:
    """Where a number comes from: "simulated on qemu"; nothing beside a number that is not there."""
    if measurement.value is None:
        return ""
    return measurement.origin.replace("-on-", " on ").replace("-in-", " in ")


def label(name: str) -> str:
    """A measurement's name in words; the unit is said beside the value."""
    for ending in _UNIT_ENDINGS:
        if name.endswith(ending) and name != ending[1:]:
            name = name.removesuffix(ending)
            break
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))


def measurements(report: Report) -> tuple[Measurement, ...]:
    """The report's numbers, each name once: what was said last holds."""
    last = {m.name: m for m in report.measurements}
    return tuple(last.values())


def headline(report: Report) -> str:
    """One sentence: the report's own, or one made from its checks."""
    own = report.details.get("headline")
    if isinstance(own, str) and own:
        return own
    if not report.checks:
        return "done" if report.ok else "failed"
    counts = {status: sum(1 for check in report.checks if check.status is status) for status in CheckStatus}
    said = [f"{count} {status.value}" for status, count in counts.items() if count]
    count = len(report.checks)
    return f"{count} check{'' if count == 1 else 's'}: {', '.join(said)}"
