"""Data sets as Reports: what there is, what one holds and how it is split."""

from __future__ import annotations

from collections import Counter

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.manifest import DatasetManifest
from tinygen.datasets.values import Dataset, Split


def manifests(known: list[DatasetManifest]) -> Report:
    """The built-in data sets."""
    rows = tuple((m.name, m.task, ", ".join(m.labels), m.group_kind, m.licence, m.how) for m in known)
    return Report(
        kind="datasets",
        subject={},
        tables=(
            Table(
                title="built-in data sets", columns=("name", "task", "labels", "split by", "licence", "how"), rows=rows
            ),
        ),
        notes=("your own recordings: --data FOLDER (WAV/FLAC class folders, CSV with a header, NPZ)",),
        details={"datasets": known},
    )


def dataset(dataset: Dataset, sides: Split) -> Report:
    """What a data set holds and how it is divided."""
    counts = [Counter(r.label for r in side) for side in (sides.train, sides.validation, sides.test)]
    labels = sorted(set().union(*counts))
    rows = [(label, *(str(count[label]) for count in counts)) for label in labels]
    rows.append(
        (
            f"{dataset.group_kind}s",
            *(str(len({r.group for r in s})) for s in (sides.train, sides.validation, sides.test)),
        )
    )
    return Report(
        kind="dataset",
        subject={
            "name": dataset.name,
            "licence": dataset.licence,
            "source": dataset.source,
            "digest": dataset.digest[:16],
        },
        checks=(
            Check(
                name="no group on two sides",
                status=CheckStatus.PASSED,
                reason=f"divided by {dataset.group_kind}, never by window",
            ),
        ),
        measurements=(Measurement(name="recordings", value=len(dataset.recordings), unit="count", origin="counted"),),
        tables=(Table(title="recordings", columns=("label", "train", "validation", "test"), rows=tuple(rows)),),
        notes=dataset.notes,
        details={
            "synthetic": dataset.synthetic,
            "sides": dict(zip(("train", "validation", "test"), counts, strict=True)),
        },
    )
