"""What the judgement of gestures shows: accuracy, and how what is no gesture is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.datasets.values import Dataset
from tinygen.tasks import thresholds

SEED = 1
FOLDS = 5
SHOTS = 5
DRAWS = 3

_PLAIN, _MADE = "gestures only", "with a made class none"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """INT8 outputs of TFLM's interpreter.

    Attributes:
        labels: of the network; `none` of them stand for no gesture.
        limit: what an output must exceed to raise an event, from the validation side.
        outputs: int64 [n, labels]: bytes as shares of 255. wanted: [n]: the label, or "" for a gesture never seen.
    """

    labels: tuple[str, ...]
    none: tuple[str, ...]
    limit: int
    outputs: npt.NDArray[np.int64]
    wanted: tuple[str, ...]
    float_accuracy: float

    @property
    def accuracy(self) -> float:
        """Share of the recordings whose largest output is their label's."""
        found = [self.labels[i] for i in self.outputs.argmax(axis=1).tolist()]
        return float(np.mean([a == b for a, b in zip(found, self.wanted, strict=True)]))

    @property
    def scores(self) -> npt.NDArray[np.int64]:
        """The largest output of a gesture, int64 [n]: what the device compares with the limit."""
        best: npt.NDArray[np.int64] = self.outputs[:, self._gestures].max(axis=1)
        return best

    @property
    def _gestures(self) -> list[int]:
        return [i for i, label in enumerate(self.labels) if label not in self.none]

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """Which recordings are of a gesture that was learned."""
        return np.array([label != "" and label not in self.none for label in self.wanted])

    @property
    def kept(self) -> float:
        """Share of the learned gestures that raise their event."""
        return float(((self.scores > self.limit) & self._right)[self.seen].mean())

    @property
    def closed(self) -> float:
        """Share of the learned gestures whose largest output of a gesture is theirs, whatever "none" says."""
        return float(self._right[self.seen].mean())

    @property
    def _right(self) -> npt.NDArray[np.bool_]:
        called = np.array(self._gestures)[self.outputs[:, self._gestures].argmax(axis=1)]
        return np.array([self.labels[i] == label for i, label in zip(called.tolist(), self.wanted, strict=True)])

    @property
    def false_accepts(self) -> float:
        """Share of all others that raise an event."""
        return float((self.scores > self.limit)[~self.seen].mean())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """All that was judged: uWave's folds and draws, each without and with a made class none, pairs of gestures left
    out in the same two ways, and six axes.
    """

    folds: Sequence[Judged]
    refusing_folds: Sequence[Judged]
    few: Sequence[Judged]
    refusing_few: Sequence[Judged]
    unseen: Sequence[tuple[Sequence[str], Judged, Judged]]
    spells: Sequence[Judged]
    wand: Sequence[Judged]


def report(uwave: Dataset, found: Found) -> Report:
    """Everything that was found, and what of it is asked for."""
    five, shots = ([judged.accuracy for judged in many] for many in (found.folds, found.few))
    gap = float(np.mean([j.accuracy - j.float_accuracy for j in found.folds]))
    ways = ((_PLAIN, [plain for _, plain, _ in found.unseen]), (_MADE, [made for _, _, made in found.unseen]))
    opened = [
        (" and ".join(gone), way, j)
        for gone, *both in found.unseen
        for way, j in zip((_PLAIN, _MADE), both, strict=True)
    ]
    opened += [(f"fold {k + 1} of the wand", "with recorded negatives", j) for k, j in enumerate(found.wand)]
    return Report(
        kind="judge-gesture",
        subject={
            "task": "gesture",
            "data": uwave.name,
            "recordings": str(len(uwave.recordings)),
            "licence": uwave.licence,
        },
        checks=(
            _check(f"uWave, {FOLDS}-fold: at least 94 %", float(np.mean(five)) >= 0.94, _spread(five)),
            _check(f"uWave, {SHOTS} per class: at least 85 %", float(np.mean(shots)) >= 0.85, _spread(shots)),
        ),
        measurements=(
            _measured("five_fold_accuracy", float(np.mean(five)), "INT8, uWave"),
            _measured("five_fold_int8_minus_float", gap, "uWave"),
            _measured("few_shot_accuracy", float(np.mean(shots)), f"INT8, {SHOTS} per class"),
            *_refusing("five_fold", found.refusing_folds),
            *_refusing("few_shot", found.refusing_few),
            *(m for way, many in ways for m in _opened(way, many)),
            *(m for many in [found.wand] if many for m in _opened("recorded negatives of a wand", many)),
            *(_measured("spells_accuracy", j.accuracy, f"INT8, six axes, {SHOTS} per class") for j in found.spells),
            *([_measured("wand_accuracy", float(np.mean([j.accuracy for j in found.wand])),
                         f"INT8, six axes, {FOLDS}-fold, windows of the negatives, too")] if found.wand else []),
        ),
        tables=(_accuracies(found), _openness(opened)),
        notes=(
            "people are not identified in uWave: folds keep recordings apart, not people, so figures are optimistic",
            f"INT8: TFLM's interpreter; seed {SEED}; spreads over folds and draws",
            "with a made class none, a gesture that is called none counts as wrong; `tinygen train` makes one where "
            "nobody recorded any and `[open_set] made = true` asks for it: it costs too much where recordings are few",
            "the limit of an event is set on the validation side for 5 % of what is no gesture there; without a class "
            "none it is the task's 75 %",
            "a wand's negatives are 8 long recordings of one person, each judged by a network that did not learn it, "
            "window by window",
        ),
        details={
            "seed": SEED,
            "five_fold": five,
            "few_shot": shots,
            "open_set": [
                {"left_out": gone, "way": way, "auc": thresholds.auc(j.scores, j.seen), "kept": j.kept,
                 "false_accepts": j.false_accepts}
                for gone, way, j in opened
            ],
            "rates": _rates(ways, found.wand),
        },
    )  # fmt: skip


def _accuracies(found: Found) -> Table:
    rows = []
    for title, plain, refusing in (
        ("fold", found.folds, found.refusing_folds), (f"{SHOTS} per class, draw", found.few, found.refusing_few)
    ):  # fmt: skip
        for i, (j, other) in enumerate(zip(plain, refusing, strict=True)):
            rows.append(
                (f"{title} {i + 1}", f"{j.accuracy:.1%}", f"{j.float_accuracy:.1%}", f"{other.accuracy:.1%}",
                 f"{other.kept:.1%}")
            )  # fmt: skip
    rows += [(f"spells, {SHOTS} per class", f"{j.accuracy:.1%}", f"{j.float_accuracy:.1%}", "", "")
             for j in found.spells]  # fmt: skip
    rows += [(f"wand, fold {i + 1}", f"{j.accuracy:.1%}", f"{j.float_accuracy:.1%}", "", f"{j.kept:.1%}")
             for i, j in enumerate(found.wand)]  # fmt: skip
    columns = ("what", "INT8", "float", "INT8 with a made none", "raise their event")
    return Table(title="accuracy", columns=columns, rows=tuple(rows))


def _openness(opened: Sequence[tuple[str, str, Judged]]) -> Table:
    rows = []
    for gone, way, j in opened:
        low, high = thresholds.auc_interval(j.scores, j.seen)
        rows.append(
            (gone, way, f"{thresholds.auc(j.scores, j.seen):.3f} ({low:.2f}-{high:.2f})", f"{j.limit} of 255",
             f"{j.false_accepts:.1%}", f"{j.kept:.1%}", str(int((~j.seen).sum())))
        )  # fmt: skip
    columns = ("left out", "trained on", "AUC (95 % interval)", "limit", "false accepts", "gestures kept", "judged")
    return Table(title="what is none of the gestures", columns=columns, rows=tuple(rows))


def _rates(ways: Sequence[tuple[str, Sequence[Judged]]], wand: Sequence[Judged]) -> list[dict[str, object]]:
    """ROC curves, as `report.rates` draws them; found by those who accept an unseen gesture as the false alarm."""
    curves: list[dict[str, object]] = [
        {"title": f"uWave, {len(ways[0][1])} pairs of gestures left out, mean",
         "lines": [{"name": way, "points": thresholds.mean_roc([(j.scores, j.seen) for j in many])}
                   for way, many in ways if many]}
    ]  # fmt: skip
    if wand:
        scores, seen = (np.concatenate(parts) for parts in zip(*((j.scores, j.seen) for j in wand), strict=True))
        curves.append(
            {"title": f"wand gestures against recorded negatives, {FOLDS} folds",
             "lines": [{"name": "windows", "points": thresholds.roc(scores, seen)}]}
        )  # fmt: skip
    return curves


def _opened(way: str, many: Sequence[Judged]) -> list[Measurement]:
    name = {_PLAIN: "unseen_plain", _MADE: "unseen"}.get(way, "negatives")
    if not many:
        return []
    means = (
        ("auc", float(np.mean([thresholds.auc(j.scores, j.seen) for j in many]))),
        ("false_accepts", float(np.mean([j.false_accepts for j in many]))),
        ("kept", float(np.mean([j.kept for j in many]))),
    )
    return [_measured(f"{name}_{what}", value, f"INT8, {way}, mean of {len(many)}") for what, value in means]


def _refusing(name: str, many: Sequence[Judged]) -> list[Measurement]:
    return [
        _measured(f"{name}_accuracy_with_none", float(np.mean([j.accuracy for j in many])), f"INT8, {_MADE}"),
        _measured(f"{name}_closed_with_none", float(np.mean([j.closed for j in many])), "among the gestures alone"),
        _measured(f"{name}_kept_with_none", float(np.mean([j.kept for j in many])), "raise their event"),
    ]


def _spread(values: Sequence[float]) -> str:
    return f"mean {np.mean(values):.1%}, {min(values):.1%} to {max(values):.1%} over {len(values)}"


def _measured(name: str, value: float, note: str) -> Measurement:
    return Measurement(name=name, value=round(value, 4), unit="ratio", origin="measured-on-host", note=note)


def _check(name: str, met: bool, reason: str) -> Check:
    return Check(name=name, status=CheckStatus.PASSED if met else CheckStatus.FAILED, reason=reason)
