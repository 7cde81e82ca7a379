"""Data sets as Reports: what there is, what one holds, how it is split, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tinygen.core.process import shown
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.fetching import Got
from tinygen.datasets.inspect import Findings
from tinygen.datasets.layout import Facts, Written
from tinygen.datasets.leaks import Leak, Pair
from tinygen.datasets.manifest import DatasetManifest
from tinygen.datasets.values import Dataset, Recording, Split

_SHOWN = 20


def manifests(known: list[DatasetManifest]) -> Report:
    """The data sets that are known by name."""
    rows = tuple(
        (
            m.name,
            m.task,
            ", ".join(m.labels),
            m.group_kind,
            m.licence,
            _amount(m),
        )
        for m in known
    )
    columns = ("name", "task", "labels", "split by", "licence", "download")
    return Report(
        kind="datasets",
        subject={},
        tables=(Table(title="data sets", columns=columns, rows=rows),),
        notes=(
            "tinygen datasets show NAME tells source, checksums and split; fetch NAME gets one",
            "your own recordings: --data FOLDER (WAV/FLAC class folders, CSV with a header, NPZ), or datasets import",
        ),
        details={"datasets": known},
    )


def _amount(m: DatasetManifest) -> str:
    if m.generator:
        return "made here"
    return f"{m.size_bytes / 1e6:,.0f} MB" if m.size_bytes else "size not published"


def manifest(m: DatasetManifest) -> Report:
    """Everything one manifest says."""
    facts = [
        ("task", m.task), ("labels", ", ".join(m.labels)), ("licence", m.licence), ("attribution", m.attribution),
        ("source", m.source or m.generator), ("how", " ".join(m.how.split())), ("split", m.split_rule),
        ("kept apart", m.group_kind), ("units", m.units), ("rate", f"{m.rate_hz} Hz, {m.n_channels} channels"),
        ("checksums", m.checksum_origin),
    ]  # fmt: skip
    files = tuple((f.name, f"{f.size_bytes:,}" if f.size_bytes else "-", f.checksum or "none") for f in m.files)
    tables = [Table(title="facts", columns=("what", "value"), rows=tuple(f for f in facts if f[1]))]
    if files:
        tables.append(Table(title="files", columns=("file", "bytes", "checksum"), rows=files))
    return Report(
        kind="dataset", subject={"name": m.name, "title": m.title}, tables=tuple(tables), details={"manifest": m}
    )


def dataset(dataset: Dataset, sides: Split) -> Report:
    """What a data set holds and how it is divided."""
    return Report(
        kind="dataset",
        subject=_subject(dataset),
        checks=(
            Check(
                name="no group on two sides",
                status=CheckStatus.PASSED,
                reason=f"divided by {dataset.group_kind}, never by window",
            ),
        ),
        measurements=(_count(dataset),),
        tables=(_sides_table(dataset, sides),),
        notes=dataset.notes,
        details={
            "synthetic": dataset.synthetic,
            "sides": {name: Counter(r.label for r in side) for name, side in _named(sides)},
        },
    )


def _named(sides: Split) -> tuple[tuple[str, Sequence[Recording]], ...]:
    return (("train", sides.train), ("validation", sides.validation), ("test", sides.test))


def _subject(dataset: Dataset) -> dict[str, str]:
    return {
        "name": dataset.name, "licence": dataset.licence, "source": dataset.source, "digest": dataset.digest[:16],
    }  # fmt: skip


def _count(dataset: Dataset) -> Measurement:
    return Measurement(name="recordings", value=len(dataset.recordings), unit="count", origin="counted")


def _sides_table(dataset: Dataset, sides: Split) -> Table:
    counts = [Counter(r.label for r in side) for _, side in _named(sides)]
    rows = [(label, *(str(count[label]) for count in counts)) for label in sorted(set().union(*counts))]
    rows.append((f"{dataset.group_kind}s", *(str(len({r.group for r in side})) for _, side in _named(sides))))
    return Table(title="recordings", columns=("label", "train", "validation", "test"), rows=tuple(rows))


def check(
    dataset: Dataset, sides: Split, problem: str, *, leaks: Sequence[Leak], copies: Sequence[Pair], found: Findings
) -> Report:
    """What a look through a data set showed; only what makes figures lie fails it."""
    side_of = {id(r): name for name, side in _named(sides) for r in side}
    across = [p for p in copies if side_of.get(id(p.first)) != side_of.get(id(p.second)) and p.similarity < 1.0]
    groups = [leak for leak in leaks if leak.what != "content"]
    doubled = [leak for leak in leaks if leak.what == "content"]
    kind = dataset.group_kind
    checks = [
        _verdict("can be divided", not problem, problem or "every class is on every side it must be on"),
        _verdict(
            f"no {kind} on two sides", not groups,
            "; ".join(leak.says for leak in groups[:3]) or f"divided by {kind}, never by window",
        ),
        _verdict(
            "no recording on two sides", not doubled,
            "; ".join(leak.says for leak in doubled[:3]) or "no two sides hold the same samples",
        ),
    ]  # fmt: skip
    if dataset.synthetic:
        checks.append(Check(name="no near copy on two sides", status=CheckStatus.SKIPPED,
                            reason="a generator may make recordings alike"))  # fmt: skip
    else:
        first = f"'{across[0].first.name}' and '{across[0].second.name}'" if across else ""
        checks.append(
            _verdict(
                "no near copy on two sides", not across,
                f"{len(across)} pairs are one recording heard twice, the first is {first}"
                if across else "no two recordings on different sides are one, cut, moved or at another level",
            )
        )  # fmt: skip
    return Report(
        kind="datasets check",
        subject=_subject(dataset),
        checks=tuple(checks),
        measurements=(
            _count(dataset),
            Measurement(name="balance", value=round(found.balance, 2), unit="ratio", origin="counted",
                        note="largest class to smallest"),
            Measurement(name="clipped_recordings", value=len(found.clipped), unit="count", origin="counted"),
            Measurement(name="copies", value=len(copies), unit="count", origin="counted", note="on any sides"),
        ),
        tables=(_classes_table(found), _sides_table(dataset, sides), *_copies_table(copies, side_of)),
        notes=(*dataset.notes, *_oddities(dataset, found)),
        details={
            "leaks": list(leaks),
            "classes": list(found.classes),
            "clipped_names": list(found.clipped),
            "constant_names": list(found.constant),
            "copy_names": [[p.first.name, p.second.name, p.similarity] for p in copies],
        },
    )  # fmt: skip


def _verdict(name: str, good: bool, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if good else CheckStatus.FAILED, reason=reason)


def _classes_table(found: Findings) -> Table:
    rows = tuple(
        (
            c.label, f"{c.count:,}", f"{c.groups:,}", f"{c.seconds:,.0f}",
            *(f"{value:.0f}" for value in c.rms_dbfs), f"{c.clipped:,}",
        )
        for c in found.classes
    )  # fmt: skip
    columns = ("class", "recordings", "groups", "seconds", "quiet 5 % dBFS", "median dBFS", "loud 5 % dBFS", "clipped")
    return Table(title="classes and levels", columns=columns, rows=rows)


def _copies_table(copies: Sequence[Pair], side_of: dict[int, str]) -> tuple[Table, ...]:
    if not copies:
        return ()
    rows = tuple(
        (
            p.first.name, p.second.name, "same samples" if p.similarity >= 1.0 else f"{p.similarity:.4f}",
            f"{side_of.get(id(p.first), '-')} / {side_of.get(id(p.second), '-')}",
        )
        for p in sorted(copies, key=lambda p: side_of.get(id(p.first)) == side_of.get(id(p.second)))[:_SHOWN]
    )  # fmt: skip
    more = f" (the first {_SHOWN} of {len(copies)})" if len(copies) > _SHOWN else ""
    return (Table(title=f"copies{more}", columns=("recording", "and", "correlation", "sides"), rows=rows),)


def _oddities(dataset: Dataset, found: Findings) -> list[str]:
    said: list[str] = []
    for names, what in (
        (found.constant, "never change: was the sensor connected?"),
        (found.clipped, "are clipped: their peaks lie flat"),
        (found.quiet, "are quieter than -60 dBFS"),
        (found.offset, "have an offset of more than 5 % of full scale"),
    ):
        if names:
            said.append(f"{len(names)} recordings {what}; the first is '{names[0]}'")
    if found.balance > 5:
        said.append(f"the largest class has {found.balance:.1f} times the recordings of the smallest")
    said += [f"'{a}' and '{b}' look like one {dataset.group_kind}, written twice" for a, b in found.odd_groups[:5]]
    if dataset.group_kind == "recording":
        said.append("nobody says who or what was recorded: recordings are kept apart, not people or machines")
    return said


def fetched(m: DatasetManifest, got: Got) -> Report:
    """What came, and how it is known to be right."""
    checks = tuple(
        Check(
            name=file.path.name,
            status=CheckStatus.PASSED if file.verified else CheckStatus.SKIPPED,
            reason=("was here already, " if file.reused else "")
            + (f"resumed after {file.resumed:,} bytes, " if file.resumed else "")
            + (f"SHA-256 {file.sha256}" if file.verified else f"no published checksum; SHA-256 {file.sha256} is kept"),
        )
        for file in got.files
    )
    made = _written(got.written, m.task)
    return Report(
        kind="datasets fetch",
        subject={"name": m.name, "licence": m.licence, "folder": str(got.written.folder)},
        checks=checks,
        measurements=made.measurements,
        tables=made.tables,
        notes=(*((m.attribution,) if m.attribution else ()), *made.notes),
        details={"files": [{"name": f.path.name, "sha256": f.sha256, "verified": f.verified} for f in got.files]},
    )


def imported(written: Written, facts: Facts, verb: str = "import", said: Sequence[str] = ()) -> Report:
    """What was written."""
    made = _written(written, facts.task)
    return Report(
        kind=f"datasets {verb}",
        subject={"name": facts.name, "licence": facts.licence, "folder": str(written.folder)},
        measurements=made.measurements,
        tables=made.tables,
        notes=(*said, *made.notes),
        details={"labels": written.labels},
    )


def _written(written: Written, task: str) -> Report:
    rows = tuple((label, f"{count:,}") for label, count in written.labels.items())
    renamed = tuple(f"the class '{old}' is called '{new}' here" for old, new in written.renamed.items())
    command = ("tinygen", "datasets", "check", "--task", task, "--data", str(written.folder))
    return Report(
        kind="",
        subject={},
        measurements=(
            Measurement(name="recordings", value=sum(written.labels.values()), unit="count", origin="counted"),
            Measurement(name="groups", value=written.groups, unit="count", origin="counted"),
            Measurement(name="background_noises", value=written.noises, unit="count", origin="counted"),
        ),
        tables=(Table(title="recordings", columns=("label", "count"), rows=rows),),
        notes=(*renamed, f"next: {shown(command)}"),
    )
