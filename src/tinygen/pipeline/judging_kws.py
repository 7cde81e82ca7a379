"""How good keyword spotting is: folds by speaker, synthesis alone, and what each means of training brought.

Every training is kept by the digest of all that determines it; one that was interrupted goes on at its last epoch.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from tinygen.boards.loader import find_board
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.store import Store
from tinygen.core.values import Report
from tinygen.datasets.load import load_dataset
from tinygen.datasets.values import Dataset
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline import kws_views
from tinygen.pipeline.kws_words import SEED, Heard, code_of
from tinygen.tasks import kws
from tinygen.tasks.recipes import RECIPES, Choice, chosen
from tinygen.tasks.spec import Means, Task
from tinygen.training.spectral import USUAL, WIDE, Variation
from tinygen.training.speech_run import SpeechResult, train_words
from tinygen.training.words import Share, Words

FOLDS = kws_views.FOLDS
ALONE, SHIPPED = -1, -2
"""In place of a fold: nothing recorded is learned from; everything is, and no figure comes from it."""
ABLATION_SEEDS = (1, 2, 3)

RECIPE = "branched"
REPORT_EPOCHS, SYNTHESIS_EPOCHS, ABLATION_EPOCHS = 50, 20, 12
REAL_TIMES, SPOKEN_SHARE, NATURAL_TIMES = 3.0, 0.35, 1.0

BASE = Means(epochs=REPORT_EPOCHS, batch_size=64, learning_rate=1e-2)
FULL = replace(BASE, branches=False, average=0.995, rounding_epochs=max(3, REPORT_EPOCHS // 10))
SHORT = replace(BASE, epochs=ABLATION_EPOCHS, branches=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training.

    Attributes:
        group: of the table. fold: the part that is judged on, or ALONE or SHIPPED.
        real: how often an epoch takes each recording; spoken: share of the words of speech programs it takes, natural:
            of those of the neural voice, with at most `most` times the median class of one class (0: as many as there
            are).
        wide: variations as wide as synthetic speech alone needs them.
        plain: on plain log-mel, without noise reduction and PCAN.
    """

    group: str
    label: str
    recipe: str
    means: Means
    fold: int
    seed: int = SEED
    real: float = REAL_TIMES
    spoken: float = SPOKEN_SHARE
    natural: float = 0.0
    most: float = 0.0
    wide: bool = False
    plain: bool = False


def runs() -> tuple[Run, ...]:
    """All trainings of the report, the figures first."""
    folds = [
        Run(group=group, label=f"fold {fold + 1}", recipe=RECIPE, means=FULL, fold=fold, plain=plain)
        for group, plain in (("folds", False), (kws_views.PLAIN, True))
        for fold in range(FOLDS)
    ]
    alone = Run(
        group="synthesis only", label="all recordings", recipe=RECIPE,
        means=replace(FULL, epochs=SYNTHESIS_EPOCHS), fold=ALONE, real=0.0, spoken=0.25, natural=4.0, most=1.0,
        wide=True,
    )  # fmt: skip
    variants: list[tuple[str, str, Means, float, float]] = [
        ("nothing switched on", RECIPE, SHORT, 0.0, 0.0),
        ("words of speech programs", RECIPE, SHORT, SPOKEN_SHARE, 0.0),
        ("words of a neural voice", RECIPE, SHORT, 0.0, NATURAL_TIMES),
        ("parallel paths, folded", RECIPE, replace(SHORT, branches=True), 0.0, 0.0),
        ("weight averaging", RECIPE, replace(SHORT, average=0.995), 0.0, 0.0),
        ("rounding in the loop", RECIPE, replace(SHORT, rounding_epochs=2), 0.0, 0.0),
        ("a larger teacher", RECIPE, replace(SHORT, teachers=1, teacher_epochs=ABLATION_EPOCHS), 0.0, 0.0),
        ("a third of the channels pruned", RECIPE, replace(SHORT, prune=0.33), 0.0, 0.0),
        *((f"recipe {r.name}", r.name, SHORT, 0.0, 0.0) for r in RECIPES if r.name != RECIPE),
    ]
    ablations = [
        Run(
            group="ablation",
            label=label,
            recipe=recipe,
            means=means,
            fold=0,
            seed=seed,
            spoken=spoken,
            natural=natural,
            plain=True,
        )
        for label, recipe, means, spoken, natural in variants
        for seed in ABLATION_SEEDS
    ]
    return (*folds, alone, *ablations)


READY = Run(group="ready", label="all recordings", recipe=RECIPE, means=FULL, fold=SHIPPED)
"""The model that ships: learned from everything; the folds say how good such a model is."""


def fold_of(dataset: Dataset) -> npt.NDArray[np.int64]:
    """The fold int64 [n] of every recording: whole speakers, by the digest of their names."""
    groups = sorted({r.group for r in dataset.recordings})
    ranked = sorted(groups, key=lambda g: hashlib.sha256(f"tinygen-fold-1:{g}".encode()).hexdigest())
    counts = {group: sum(r.group == group for r in dataset.recordings) for group in groups}
    size = [0] * FOLDS
    of: dict[str, int] = {}
    for group in sorted(ranked, key=lambda g: -counts[g]):
        of[group] = size.index(min(size))
        size[of[group]] += counts[group]
    return np.array([of[r.group] for r in dataset.recordings], dtype=np.int64)


def kws_report(
    data: Path, store: Store, progress: Progress = silent, only: Sequence[str] = (), kept_only: bool = False
) -> Report:
    """Train and judge everything that is not kept yet.

    Args:
        data: the recordings: a folder in the layout of Speech Commands.
        store: keeps each training.
        progress: told how far it is.
        only: groups of runs ("folds", "folds on plain log-mel", "synthesis only", "ablation"); none takes all.
        kept_only: train nothing, report what is kept.

    Raises:
        TinygenError: no recordings, no speech engine, TensorFlow or TFLM's interpreter is missing.
    """
    wanted = [run for run in runs() if not only or run.group in only]
    jobs = Jobs(load_dataset("kws", data, store.root, SEED, progress), store, progress)
    if kept_only:
        wanted = [run for run in wanted if jobs.is_kept(run)]
    done = [(run, jobs.result(run)) for run in wanted]
    return kws_views.report(jobs.dataset, [(asdict(run), result) for run, result in done])


def ready_files(
    data: Path, store: Store, progress: Progress, figures: Mapping[str, Mapping[str, object]]
) -> dict[str, bytes]:
    """The model that ships: model.tflite, task.json and card.toml.

    Args:
        data: as `kws_report`.
        store: keeps the training.
        progress: told how far it is.
        figures: measurements of the folds' report.

    Raises:
        TinygenError: as `kws_report`.
    """
    jobs = Jobs(load_dataset("kws", data, store.root, SEED, progress), store, progress)
    result = jobs.result(READY)
    tflite = Path(str(result["model"])).read_bytes()
    card = kws_views.card(tflite, jobs.task, jobs.dataset, run=asdict(READY), result=result, figures=figures)
    return {
        "model.tflite": tflite,
        "task.json": TypeAdapter(Task).dump_json(jobs.task, indent=2) + b"\n",
        "card.toml": card.encode(),
    }


class Jobs:
    """Trainings over one set of recordings; features and synthetic words are made when first needed."""

    def __init__(self, dataset: Dataset, store: Store, progress: Progress) -> None:
        if not dataset.noises:
            raise bad_input(
                "there are no noise recordings", where=dataset.name, hint="put some into _background_noise_/"
            )
        self.dataset = dataset
        self._store, self._progress = store, progress
        self._folds = fold_of(dataset)
        tasks = (kws.make(dataset), kws.make(dataset, {"enable_noise_reduction": False}))
        self._heard = [Heard(task=task, dataset=dataset, store=store, progress=progress) for task in tasks]
        self._code = [code_of("tasks", ("recipes",)), code_of("training", _CODE)]

    def inputs(self, run: Run) -> dict[str, object]:
        """Everything that determines a training."""
        return {
            "variation": asdict(self._how(run)),
            "run": {k: v for k, v in asdict(run).items() if k not in ("group", "label")},
            "heard": self.heard(run).facts(spoken=run.spoken > 0, natural=run.natural > 0),
            "code": self._code,
        }

    @property
    def task(self) -> Task:
        """The task of the shipped model: labels, features and the recipe's layers."""
        return chosen(self._heard[0].task, Choice(recipe=RECIPE, branches=False, synthesis=SPOKEN_SHARE))

    def heard(self, run: Run) -> Heard:
        """What a run hears, through its front end."""
        return self._heard[int(run.plain)]

    def is_kept(self, run: Run) -> bool:
        """Whether a run was finished before."""
        return self._store.has("kws-run", self.inputs(run))

    def result(self, run: Run) -> dict[str, object]:
        """The kept figures of a run, or those of a training now."""

        def make(folder: Path) -> None:
            said = f"{run.group}: {run.label}, seed {run.seed}"

            def told(stage: str, done: int, total: int, remark: str = "") -> None:
                self._progress(f"{said}: {stage}", done, total, remark)

            result, test = self._trained(run, told)
            write_atomic(folder / "model.tflite", result.tflite)
            write_atomic(folder / "result.json", pretty_json(self._figures(run, result, test)).encode())

        step = self._store.step("kws-run", self.inputs(run), make)
        found: dict[str, object] = json.loads((step.path / "result.json").read_text())
        return {**found, "model": str(step.path / "model.tflite")}

    def _trained(self, run: Run, told: Progress) -> tuple[SpeechResult, npt.NDArray[np.bool_]]:
        heard = self.heard(run)
        real, own = heard.recorded(), heard.learned_from()
        everything = np.ones(len(real.classes), dtype=bool)
        test = everything if run.fold in (ALONE, SHIPPED) else self._folds == run.fold
        learned_from = everything if run.fold == SHIPPED else ~test
        shares = []
        if run.real:
            learned = Words(features=own.features[learned_from], classes=own.classes[learned_from])
            shares.append(Share(words=learned, times=run.real))
        if run.spoken:
            shares.append(Share(words=heard.spoken(), times=run.spoken, most=run.most))
        if run.natural:
            shares.append(Share(words=heard.natural(), times=run.natural, most=run.most))
        result = train_words(
            heard.task, run.recipe, run.means, shares=shares, noises=heard.noises(run.real > 0),
            test=Words(features=real.features[test], classes=real.classes[test]),
            how=self._how(run), seed=run.seed, cache=self._store.root / "checkpoints", key=self.inputs(run),
            progress=told,
        )  # fmt: skip
        return result, test

    def _figures(self, run: Run, result: SpeechResult, test: npt.NDArray[np.bool_]) -> dict[str, object]:
        truth, labels = self.heard(run).recorded().classes[test], self.heard(run).task.labels
        groups = [r.group for r, chosen in zip(self.dataset.recordings, test.tolist(), strict=True) if chosen]
        right, right_float = result.found == truth, result.found_float == truth
        words = truth != labels.index("_silence_") if "_silence_" in labels else truth >= 0
        n = len(labels)
        table = np.zeros((n, n), dtype=np.int64)
        np.add.at(table, (truth, result.found), 1)
        speakers = {
            group: float(np.mean(right[[i for i, g in enumerate(groups) if g == group]]))
            for group in sorted(set(groups))
        }
        return {
            "accuracy": float(right.mean()),
            "float_accuracy": float(right_float.mean()),
            "accuracy_without_silence": float(right[words].mean()),
            "tested": len(truth),
            "parameters": result.parameters,
            "macs": result.macs,
            "compiled_macs": compiler.plan(
                rewrite(importer.load(result.tflite, run.label)), find_board("nucleo_f446re").chip
            ).macs,
            "wall_s": round(result.wall_s, 1),
            "cpu_s": round(result.cpu_s, 1),
            "confusion": table.tolist(),
            "labels": list(labels),
            "per_speaker": speakers,
            "speaker_clips": dict(Counter(groups)),
            "history": result.history,
        }

    @staticmethod
    def _how(run: Run) -> Variation:
        return WIDE if run.wide else USUAL


_CODE = (
    "speech_run",
    "spectral",
    "settling",
    "layout",
    "network",
    "loop",
    "fold",
    "rounding",
    "export",
    "stages",
    "prune",
    "words",
)
