"""What the judgement of bearings shows: checks, tables, ROC and DET curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.values import Dataset, Recording
from tinygen.features.spec import BandEnergySpec
from tinygen.tasks import thresholds

OWN_SNAPSHOTS = 40
END_OF_LIFE = 20
FALSE_ALARMS = 0.005
IN_A_ROW = 2
SEED = 1

Float64 = npt.NDArray[np.float64]
Scored = tuple[Float64, npt.NDArray[np.bool_]]
"""Scores [n], and which of them are of the end of life."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bearing:
    """One run to failure.

    Attributes:
        recordings: in the order of life. rows: int16 [n, 1, values] of them.
        healthy: how many of them, from the first, are labelled healthy.
    """

    name: str
    recordings: tuple[Recording, ...]
    rows: npt.NDArray[np.int16]
    healthy: int

    @property
    def life(self) -> Float64:
        """Position in life of each snapshot, 0..1."""
        return np.array([r.position if r.position is not None else np.nan for r in self.recordings])

    @property
    def worn(self) -> npt.NDArray[np.int16]:
        """Rows of the end of life."""
        return self.rows[-END_OF_LIFE:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """A bearing judged from its own first snapshots, in the device's integers.

    Attributes:
        auc, interval: other healthy snapshots against the end of life.
        threshold: what the device sets itself. above, alarms: of the other healthy snapshots.
        alarm_life: position in life of the first alarm behind the healthy snapshots; 1 when there is none.
        mahalanobis: the area of the whitened distance instead.
    """

    auc: float
    interval: tuple[float, float]
    threshold: int
    above: int
    alarms: int
    alarm_life: float
    mahalanobis: float


def rates_of(
    bearings: Sequence[Bearing], across: dict[str, list[Scored]], areas: dict[str, list[float]],
    own: Sequence[tuple[Own, Scored]],
) -> list[dict[str, object]]:  # fmt: skip
    """ROC curves, as `report.rates` draws them: the mean over bearings, the worst one, and each from its own start."""
    best = max(areas, key=lambda method: float(np.mean(areas[method])))
    worst = int(np.argmin(areas[best]))
    together = tuple(np.concatenate([scored[i] for _, scored in own]) for i in (0, 1))
    lines: list[dict[str, object]] = [
        {"name": f"{method}, mean", "points": thresholds.mean_roc(scored)} for method, scored in across.items()
    ]
    lines.append(
        {"name": f"{best}, {bearings[worst].name}", "points": thresholds.roc(*across[best][worst]), "dashed": True}
    )
    return [
        {"title": f"{len(bearings)} other bearings, healthy against end of life", "lines": lines},
        {
            "title": f"own machine, all {len(bearings)} bearings, scores in thresholds",
            "lines": [{"name": "distance", "points": thresholds.roc(together[0], together[1])}],
        },
    ]


def report(  # noqa: PLR0917 - everything that was found
    data: Path,
    sets: Sequence[Dataset],
    spec: BandEnergySpec,
    bearings: Sequence[Bearing],
    across: dict[str, list[float]],
    own: Sequence[Own],
    intervals: dict[str, list[tuple[float, float]]],
    rates: list[dict[str, object]],
) -> Report:
    """Everything that was found, and what of it is asked for."""
    means = {method: float(np.mean(areas)) for method, areas in across.items()}
    best = max(means, key=lambda method: means[method])
    worst = min(range(len(bearings)), key=lambda i: across[best][i])
    worst_own = min(range(len(bearings)), key=lambda i: own[i].auc)
    alarms, others = sum(o.alarms for o in own), sum(b.healthy - OWN_SNAPSHOTS for b in bearings)
    median = float(np.median([o.alarm_life for o in own]))
    origin = "measured-on-host"
    return Report(
        kind="judge-vibration",
        subject={
            "task": "vibration",
            "data": data.name,
            "bearings": str(len(bearings)),
            "licence": sets[0].licence,
            "features": f"{spec.n_bands} bands, statistics, {spec.envelope_bands} envelope bands per axis",
        },
        checks=(
            _check(
                "other bearings: mean AUC at least 0.97",
                means[best] >= 0.97,
                f"{best} (INT8): {means[best]:.4f}, worst {bearings[worst].name} {across[best][worst]:.3f}",
            ),
            _check(
                "own machine: worst AUC at least 0.98",
                own[worst_own].auc >= 0.98,
                f"{bearings[worst_own].name}: {own[worst_own].auc:.4f}",
            ),
            _check(
                f"own machine: median first alarm before 60 % of life, at most 1 false alarm in {others} snapshots",
                median < 0.6 and alarms <= 1,
                f"median at {median:.1%} of life, {alarms} false alarms of {IN_A_ROW} in a row "
                f"({sum(o.above for o in own)} single snapshots above)",
            ),
        ),
        measurements=(
            *(
                Measurement(name=f"{method}_mean_auc", value=round(value, 4), unit="ratio", origin=origin)
                for method, value in means.items()
            ),
            Measurement(name="own_worst_auc", value=round(own[worst_own].auc, 4), unit="ratio", origin=origin),
            Measurement(name="median_alarm_life", value=round(median, 4), unit="ratio", origin=origin, note="of life"),
            Measurement(name="false_alarms", value=alarms, unit="count", origin=origin, note=f"of {others} snapshots"),
        ),
        tables=(
            Table(
                title="other bearings: AUC (95 % interval) of healthy against end of life",
                columns=("bearing", *across),
                rows=tuple(
                    (b.name, *(_with_interval(across[m][i], intervals[m][i]) for m in across))
                    for i, b in enumerate(bearings)
                ),
            ),
            Table(
                title=f"own machine: the first {OWN_SNAPSHOTS} snapshots are normal",
                columns=("bearing", "AUC (interval)", "Mahalanobis", "threshold", "above", "alarms", "first", "lead"),
                rows=tuple(
                    (
                        b.name, _with_interval(o.auc, o.interval), f"{o.mahalanobis:.3f}", f"{o.threshold:,}",
                        str(o.above), str(o.alarms), f"{o.alarm_life:.0%} of life", f"{1 - o.alarm_life:.0%} of life",
                    )
                    for b, o in zip(bearings, own, strict=True)
                ),
            ),
        ),
        notes=(
            "healthy: snapshots from 2 to 30 % of life; end of life: the last 20. Time labels, not inspected faults",
            "distance: the device's integers over the others' healthy snapshots; "
            f"mahalanobis and autoencoder: INT8 models in TFLM's interpreter, seed {SEED}",
            f"own machine: the device's integers; its threshold is set for {FALSE_ALARMS:.1%} of healthy snapshots, "
            f"an alarm is {IN_A_ROW} in a row; judged on the {others} healthy snapshots it did not learn",
            "feature weights, front end and the transform of healthy scores were chosen on these very folds",
        ),
        details={
            "bearings": [b.name for b in bearings],
            "across": across,
            "own": [asdict(o) for o in own],
            "rates": rates,
            "seed": SEED,
            "features": asdict(spec),
        },
    )  # fmt: skip


def _with_interval(area: float, interval: tuple[float, float]) -> str:
    return f"{area:.3f} ({interval[0]:.2f}-{interval[1]:.2f})"


def _check(name: str, met: bool, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if met else CheckStatus.FAILED, reason=reason)
