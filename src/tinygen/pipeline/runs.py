"""Runs are kept by the digest of what they say: nothing is overwritten, and two can be compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from tinygen.core.canonical import canonical_json, digest_bytes, pretty_json
from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.files import write_atomic
from tinygen.core.values import Report, Table
from tinygen.pipeline.context import Context
from tinygen.report import compare, html

FILE, PAGE = "run.json", "report.html"
_REPORTS = TypeAdapter(list[Report])
_PASSING = ("redone", "page")  # facts of one invocation
_TIMES = ("elapsed_s",)


def folder_of(ctx: Context) -> Path:
    """Where runs are kept."""
    return ctx.config.build_dir / "runs"


def portable(report: Report, ctx: Context) -> Report:
    """The report without places of this machine: paths start at the build folder, or are names only."""
    build = ctx.config.build_dir
    roots = {str(Path.cwd()), str(Path.home())}

    def told(text: str) -> str:
        text = text.replace(f"{build}/", f"{build.name}/")
        for root in sorted((r for r in roots if len(r) > 1), key=len, reverse=True):
            text = text.replace(f"{root}/", "")
        return re.sub(r"(?<![\w.:/-])/(?:[\w.+@-]+/)+([\w.+@-]+)", r"\1", text)

    def value(one: object) -> object:
        if isinstance(one, str):
            return told(one)
        if isinstance(one, Mapping):
            return {str(key): item if key == "signal" else value(item) for key, item in one.items()}
        if isinstance(one, list | tuple):
            return [value(item) for item in one]
        return one

    return replace(
        report,
        subject={key: told(text) for key, text in report.subject.items()},
        checks=tuple(replace(c, reason=told(c.reason)) for c in report.checks),
        measurements=tuple(replace(m, note=told(m.note)) for m in report.measurements),
        tables=tuple(replace(t, rows=tuple(tuple(told(c) for c in row) for row in t.rows)) for t in report.tables),
        notes=tuple(told(note) for note in report.notes),
        details={key: item if key == "signal" else value(item) for key, item in report.details.items()},
    )


def digest_of(reports: list[Report]) -> str:
    """SHA-256 over what was found: figures and inputs count, when and how fast it was done do not."""
    said = [
        replace(
            report,
            subject={key: text for key, text in report.subject.items() if key not in _PASSING},
            measurements=tuple(m for m in report.measurements if m.name not in _TIMES),
        )
        for report in sorted(reports, key=lambda report: report.kind)
    ]
    return digest_bytes(canonical_json(said).encode())


def keep(ctx: Context, reports: list[Report], page: bytes) -> Path:
    """Put a run beside the others; the same findings are the same run and are written once.

    Raises:
        TinygenError: the build folder cannot be written.
    """
    folder = folder_of(ctx) / digest_of(reports)[:16]
    if not (folder / FILE).is_file():
        write_atomic(folder / PAGE, page)
        write_atomic(folder / FILE, pretty_json(reports).encode())
    return folder


def find(ctx: Context, name: str) -> compare.Run:
    """A run by the beginning of its digest, its folder, or its file.

    Raises:
        TinygenError: none, or several begin so; or the file is damaged.
    """
    given = Path(name)
    for path in (given, given / FILE):
        if path.is_file():
            return _read(path)
    known = sorted(p.parent.name for p in folder_of(ctx).glob(f"*/{FILE}"))
    matching = [run for run in known if run.startswith(name)]
    if len(matching) != 1:
        what = f"{len(matching)} runs begin with '{name}'" if matching else f"there is no run '{name}'"
        hint = ", ".join(matching) or (did_you_mean(name, known) if known else "tinygen run makes one")
        raise bad_input(what, where=str(folder_of(ctx)), hint=hint)
    return _read(folder_of(ctx) / matching[0] / FILE)


def _read(path: Path) -> compare.Run:
    try:
        reports = _REPORTS.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise bad_input("is no kept run", where=str(path), hint="name a folder of build/runs") from error
    return compare.Run(name=path.parent.name[:16], reports=tuple(reports))


def listed(ctx: Context) -> Report:
    """The kept runs, the newest last."""
    rows = []
    for path in sorted(folder_of(ctx).glob(f"*/{FILE}"), key=lambda p: p.stat().st_mtime_ns):
        run = _read(path)
        subject: dict[str, str] = {}
        for report in run.reports:
            subject |= {key: text for key, text in report.subject.items() if key not in subject}
        best = {m.name: m.value for report in run.reports for m in report.measurements if m.name.startswith("int8_")}
        said = ", ".join(f"{key.removeprefix('int8_')} {value:.4f}" for key, value in best.items() if value is not None)
        rows.append((run.name, subject.get("task", ""), subject.get("board", ""), subject.get("dataset", ""), said))
    return Report(
        kind="runs",
        subject={"folder": str(folder_of(ctx))},
        tables=(Table(title="runs", columns=("run", "task", "board", "data", "INT8"), rows=tuple(rows)),),
        notes=("tinygen report --compare A B puts two of them side by side",),
    )


def compared(ctx: Context, first: str, second: str, output: Path | None) -> Report:
    """Two runs side by side, as a report and as a page.

    Raises:
        TinygenError: as `find`; the page cannot be written.
    """
    runs = find(ctx, first), find(ctx, second)
    path = output or ctx.config.build_dir / f"compare-{runs[0].name[:8]}-{runs[1].name[:8]}.html"
    write_atomic(path, compare.page(*runs))
    made = compare.report(*runs)
    return replace(made, notes=(*made.notes, f"written: {path}"))


def page_of(reports: list[Report]) -> bytes:
    """The page of a run's reports."""
    drawn = next((report.details["plan_view"] for report in reports if "plan_view" in report.details), None)
    return html.page(reports, drawn if isinstance(drawn, dict) else None)
