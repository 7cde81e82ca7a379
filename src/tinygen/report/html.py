"""Reports as one HTML file: no script, no other file, nothing fetched; it reads in a mail or a CI artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinygen.core.values import Report
from tinygen.report import plan_view as plans
from tinygen.report.markup import node, to_html
from tinygen.report.sections import plan_section, report_section
from tinygen.report.style import head

_ORDER = ("run", "verify", "train", "convert", "judge", "compile", "generate", "build", "flash")
"""The answer first, then the way to it; other reports follow."""


def page(reports: Sequence[Report], plan_view: Mapping[str, object] | None = None) -> bytes:
    """A whole document, UTF-8; the same values give the same bytes.

    Args:
        reports: sections; they stand in the order of `_ORDER`.
        plan_view: `report.plan_view.plan_view(plan)`, drawn as memory over time.

    Raises:
        TinygenError: `plan_view` is not what `plan_view()` gives.
    """
    subject: dict[str, str] = {}
    for report in reports:
        for key in ("task", "board", "target", "engine"):
            if report.subject.get(key):
                subject.setdefault(key, report.subject[key])
    models = () if "task" in subject else tuple(r.subject["model"] for r in reports[:1] if r.subject.get("model"))
    named = " · ".join((*models, *subject.values()))
    ok = all(report.ok for report in reports)
    plan = plans.parse(plan_view) if plan_view is not None else None
    ordered = sorted(reports, key=lambda report: _ORDER.index(report.kind) if report.kind in _ORDER else len(_ORDER))
    sections = [report_section(report) for report in ordered]
    if plan is not None:
        after = max((i for i, report in enumerate(ordered, start=1) if report.kind == "compile"), default=len(ordered))
        sections.insert(after, plan_section(plan))
    verdict = "everything passed" if ok else "something failed"
    main = node(
        "main",
        None,
        node("h1", None, named or "tinygen report"),
        node("p", {"class": "passed" if ok else "failed"}, f"{len(reports)} reports: {verdict}"),
        *sections,
    )
    return to_html(
        node("html", {"lang": "en"}, head(f"tinygen: {named}" if named else "tinygen report"), node("body", None, main))
    )
