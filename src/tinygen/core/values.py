"""What every room reports in: measurements with their origin, checks, reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number that can be believed: it says its unit and where it comes from.

    Attributes:
        name: snake_case, for instance "arena_bytes".
        value: the number; None when nothing was measured.
        unit: "bytes", "instructions", "cycles", "ms", "ratio", "count"...
        origin: "planned" | "linked" | "measured-on-X" | "simulated-on-X" | "counted" | "declared" |
            "not-measured".
        note: what a reader must know to use the number ("synthetic data", "lx106 code, not LX7").
    """

    name: str
    value: int | float | None
    unit: str
    origin: str
    note: str = ""


class CheckStatus(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question that was answered, with the reason for the answer."""

    name: str
    status: CheckStatus
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows for people; cells are strings that are ready to print."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a verb says at its end. `report/` renders it for the terminal, as JSON and as HTML.

    Attributes:
        kind: the verb: "verify", "train", "compile"...
        subject: facts that identify what was looked at (board, task, target, engine, digests).
        checks: questions answered.
        measurements: numbers with their origin.
        tables: for people; everything in them is in `details` too if a machine would want it.
        details: JSON-able values for machines.
    """

    kind: str
    subject: dict[str, str]
    checks: tuple[Check, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    details: dict[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """True when no check failed or broke."""
        return not any(check.status in (CheckStatus.FAILED, CheckStatus.ERROR) for check in self.checks)
