"""A profile as a report, and two of them compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygen.core.errors import bad_input
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.verify.profile import Part, Profile

_WHOLE = "inference"
_SMALL = 0.01  # parts below this share of the whole are not compared: their noise is not news


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A part that took another time than before."""

    group: str
    name: str
    before: float
    after: float

    @property
    def percent(self) -> float:
        """How much more (or less) it takes now."""
        return 100.0 * (self.after - self.before) / self.before if self.before else 0.0


def document(profile: Profile) -> dict[str, object]:
    """What --json says and --compare reads."""

    def parts(found: tuple[Part, ...]) -> list[dict[str, object]]:
        return [{"name": p.name, "detail": p.detail, "median": p.median, "p95": p.p95, "worst": p.worst} for p in found]

    return {
        "unit": profile.counting.unit,
        "origin": profile.counting.origin,
        "deterministic": profile.counting.deterministic,
        "warmups": profile.warmups,
        "runs": len(profile.whole.counts),
        "overhead_per_layer": profile.layer_overhead,
        "overhead_per_stage_mark": profile.stage_overhead,
        "layers": parts(profile.layers),
        "stages": parts(profile.stages),
        "inference": parts((profile.whole,))[0],
        "arena_high_water_bytes": profile.arena.high_water_bytes,
        "stack_used_bytes": profile.stack_used_bytes,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What an earlier `profile --json` says: unit, origin, and the median of each part by group and name."""

    where: str
    unit: str
    origin: str
    parts: dict[str, dict[str, float]]


def earlier(path: Path) -> Earlier:
    """Read what `profile --json` wrote.

    Raises:
        TinygenError: no such file, or no profile.
    """
    try:
        old = json.loads(path.read_text(encoding="utf-8"))["profile"]
        groups = {"layers": old["layers"], "stages": old["stages"], _WHOLE: [old[_WHOLE]]}
        parts = {group: {str(p["name"]): float(p["median"]) for p in found} for group, found in groups.items()}
        return Earlier(where=str(path), unit=str(old["unit"]), origin=str(old["origin"]), parts=parts)
    except OSError as error:
        raise bad_input(
            f"cannot be read: {error.strerror}", where=str(path), hint="name a file `profile --json` wrote"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise bad_input("is no profile", where=str(path), hint="name a file `profile --json` wrote") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Parts that both have and that count; names only one has; names of parts below a hundredth of the whole."""

    changes: tuple[Change, ...]
    lonely: tuple[str, ...]
    small: tuple[str, ...]


def compared(new: dict[str, Any], old: Earlier) -> Comparison:
    """Two profiles part by part, by medians.

    Raises:
        TinygenError: they are of another unit or origin.
    """
    if (old.unit, old.origin) != (new["unit"], new["origin"]):
        raise bad_input(
            f"has {old.unit} {old.origin}, this run {new['unit']} {new['origin']}",
            where=old.where,
            hint="compare profiles of one target",
        )
    changes, lonely, small = [], [], []
    for group, found in (("layers", new["layers"]), ("stages", new["stages"]), (_WHOLE, [new[_WHOLE]])):
        before, after = old.parts[group], {part["name"]: float(part["median"]) for part in found}
        total = sum(after.values())
        for name in [name for name in after if name in before]:
            if max(after[name], before[name]) >= _SMALL * total:
                changes.append(Change(group=group, name=name, before=before[name], after=after[name]))
            else:
                small.append(f"{group} {name}")
        lonely += [f"{group} {name}" for name in before.keys() ^ after.keys()]
    return Comparison(changes=tuple(changes), lonely=tuple(sorted(lonely)), small=tuple(small))


def report(
    profile: Profile, subject: dict[str, str], *, compare: Earlier | None, threshold_percent: float, page: Path | None
) -> Report:
    """The profile for people and machines; a comparison beyond the threshold is a failed check.

    Raises:
        TinygenError: as `compared`.
    """
    found = document(profile)
    counting = profile.counting
    checks = [_account(profile), _arena(profile)]
    tables = [_table("Stages of the front end", profile.stages)] if profile.stages else []
    tables.append(_table("Layers of the model", profile.layers))
    notes = [
        f"{counting.words}; median of {len(profile.whole.counts)} runs after {profile.warmups} warm-ups",
        f"taken off: {profile.layer_overhead:,.0f} {counting.unit} per layer and {profile.stage_overhead:,.0f} per "
        "mark between stages, which reading the counter costs by itself",
    ]
    if counting.deterministic:
        notes.append("a simulator: every run gives the same count, but for where a tick of its clock falls")
    if compare is not None:
        comparison = compared(found, compare)
        changes = comparison.changes
        worse = [change for change in changes if change.percent > threshold_percent]
        top = max(changes, key=lambda change: change.percent)
        reason = f"largest change {top.percent:+.1f} % ({top.group} {top.name}), allowed {threshold_percent:g} %"
        if worse:
            told = ", ".join(
                f"{c.group} {c.name} {c.percent:+.1f} % ({c.before:,.0f} to {c.after:,.0f})" for c in worse
            )
            reason = f"more than {threshold_percent:g} % slower: {told}"
        checks.append(Check(name="compare", status=CheckStatus.FAILED if worse else CheckStatus.PASSED, reason=reason))
        if comparison.lonely:
            notes.append(f"only in one of the two profiles: {', '.join(comparison.lonely)}")
        if comparison.small:
            notes.append(f"below a hundredth of the whole, not compared: {', '.join(comparison.small)}")
        rows = tuple((c.group, c.name, f"{c.before:,.0f}", f"{c.after:,.0f}", f"{c.percent:+.1f} %") for c in changes)
        tables.append(Table(title="Compared", columns=("part", "name", "before", "now", "change"), rows=rows))
    if page is not None:
        notes.append(f"picture: {page}")
    whole = profile.whole
    return Report(
        kind="profile",
        subject=subject,
        checks=tuple(checks),
        measurements=(
            Measurement(
                name=f"inference_{counting.unit}",
                value=round(whole.median),
                unit=counting.unit,
                origin=counting.origin,
                note=f"p95 {whole.p95:,.0f}, worst {whole.worst:,.0f}",
            ),
            Measurement(
                name=f"front_end_{counting.unit}",
                value=round(sum(part.median for part in profile.stages)) if profile.stages else None,
                unit=counting.unit,
                origin=counting.origin,
                note="of one recording",
            ),
            Measurement(
                name="arena_high_water_bytes",
                value=profile.arena.high_water_bytes,
                unit="bytes",
                origin=counting.origin,
                note=f"of {profile.arena.arena_bytes:,} bytes",
            ),
            Measurement(
                name="stack_used_bytes",
                value=profile.stack_used_bytes or None,
                unit="bytes",
                origin=counting.origin if profile.stack_bytes else "not-measured",
                note=f"of {profile.stack_bytes:,} bytes" if profile.stack_bytes else "",
            ),
        ),
        tables=tuple(tables),
        notes=tuple(notes),
        details={"profile": found},
    )


def _account(profile: Profile) -> Check:
    """The layers must add up to the undisturbed inference, or the overhead was taken off wrongly."""
    total, whole = sum(part.median for part in profile.layers), profile.whole.median
    # Between two layers lies the call of the next one. Nanoseconds of a shared machine prove nothing either way.
    allowed = 0.02 * whole + 40 * len(profile.layers)
    otherwise = CheckStatus.SKIPPED if profile.counting.unit == "ns" else CheckStatus.FAILED
    off = total - whole
    fine = abs(off) <= allowed
    return Check(
        name="layers add up",
        status=CheckStatus.PASSED if fine else otherwise,
        reason=f"{total:,.0f} in {len(profile.layers)} layers, {whole:,.0f} {profile.counting.unit} in one go "
        f"({off:+,.0f})",
    )


def _arena(profile: Profile) -> Check:
    arena = profile.arena
    return Check(
        name="arena",
        status=CheckStatus.PASSED if arena.high_water_bytes <= arena.arena_bytes else CheckStatus.FAILED,
        reason=f"{arena.high_water_bytes:,} of {arena.arena_bytes:,} bytes are written by an inference",
    )


def _table(title: str, parts: tuple[Part, ...]) -> Table:
    total = sum(part.median for part in parts) or 1.0
    rows = tuple(
        (p.name, p.detail, f"{p.median:,.0f}", f"{p.p95:,.0f}", f"{p.worst:,.0f}", f"{100 * p.median / total:.1f} %")
        for p in parts
    )
    return Table(title=title, columns=("name", "kernel", "median", "p95", "worst", "share"), rows=rows)
