"""How good keyword spotting is: folds by speaker, synthesis alone, and what each means of training brought.

Every training is kept by the digest of all that determines it; one that was interrupted goes on at its last epoch.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from tinygen.boards.loader import find_board
from tinygen.core.canonical import digest, digest_bytes, pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic
from tinygen.core.progress import Progress, silent
from tinygen.core.resources import source_dir
from tinygen.core.store import Store
from tinygen.core.values import Report
from tinygen.datasets.load import load_dataset
from tinygen.datasets.synth import kws as synth
from tinygen.datasets.synth.speech import engines
from tinygen.datasets.synth.wordset import COMMANDS, OTHERS, speak_words
from tinygen.datasets.values import Dataset, Recording
from tinygen.features.spec import LogMelSpec
from tinygen.model import compile as compiler
from tinygen.model import importer
from tinygen.model.rewrite.registry import rewrite
from tinygen.pipeline import kws_views
from tinygen.tasks import kws
from tinygen.tasks.recipes import RECIPES, Choice, chosen
from tinygen.tasks.spec import Means, Task
from tinygen.training.settling import plain
from tinygen.training.spectral import USUAL, WIDE, Variation
from tinygen.training.speech_run import SpeechResult, train_words
from tinygen.training.words import Int16, Share, Words, log_mel_of, noise_rows, words_of

FOLDS, SEED = kws_views.FOLDS, 1
ALONE, SHIPPED = -1, -2
"""In place of a fold: nothing recorded is learned from; everything is, and no figure comes from it."""
SPEAKERS, OTHERS_EACH = 600, 3
ABLATION_SEEDS = (1, 2, 3)

RECIPE = "branched"
REPORT_EPOCHS, SYNTHESIS_EPOCHS, ABLATION_EPOCHS = 50, 20, 12
REAL_TIMES, SPOKEN_SHARE = 3.0, 0.35

BASE = Means(epochs=REPORT_EPOCHS, batch_size=64, learning_rate=1e-2)
FULL = replace(BASE, branches=False, average=0.995, rounding_epochs=max(3, REPORT_EPOCHS // 10))
SHORT = replace(BASE, epochs=ABLATION_EPOCHS, branches=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training.

    Attributes:
        group: of the table. fold: the part that is judged on, or ALONE or SHIPPED.
        real: how often an epoch takes each recording; spoken: share of the synthetic words it takes, with at most
            `most` times the median class of one class (0: as many as there are).
        wide: variations as wide as synthetic speech alone needs them.
    """

    group: str
    label: str
    recipe: str
    means: Means
    fold: int
    seed: int = SEED
    real: float = REAL_TIMES
    spoken: float = SPOKEN_SHARE
    most: float = 0.0
    wide: bool = False


def runs() -> tuple[Run, ...]:
    """All trainings of the report, the figures first."""
    folds = [
        Run(group="folds", label=f"fold {fold + 1}", recipe=RECIPE, means=FULL, fold=fold) for fold in range(FOLDS)
    ]
    alone = Run(
        group="synthesis only", label="all recordings", recipe=RECIPE,
        means=replace(FULL, epochs=SYNTHESIS_EPOCHS), fold=ALONE, real=0.0, spoken=1.0, most=1.5, wide=True,
    )  # fmt: skip
    variants: list[tuple[str, str, Means, float]] = [
        ("nothing switched on", RECIPE, SHORT, 0.0),
        ("synthetic speech", RECIPE, SHORT, SPOKEN_SHARE),
        ("parallel paths, folded", RECIPE, replace(SHORT, branches=True), 0.0),
        ("weight averaging", RECIPE, replace(SHORT, average=0.995), 0.0),
        ("rounding in the loop", RECIPE, replace(SHORT, rounding_epochs=2), 0.0),
        ("a larger teacher", RECIPE, replace(SHORT, teachers=1, teacher_epochs=ABLATION_EPOCHS), 0.0),
        ("a third of the channels pruned", RECIPE, replace(SHORT, prune=0.33), 0.0),
        *((f"recipe {r.name}", r.name, SHORT, 0.0) for r in RECIPES if r.name != RECIPE),
    ]
    ablations = [
        Run(group="ablation", label=label, recipe=recipe, means=means, fold=0, seed=seed, spoken=spoken)
        for label, recipe, means, spoken in variants
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
        only: groups of runs ("folds", "synthesis only", "ablation"); none takes all.
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
        self._task: Task = kws.make(dataset)
        self._folds = fold_of(dataset)
        self._spec = log_mel_of(self._task)
        self._real: Words | None = None
        self._plain: Words | None = None
        self._spoken: Words | None = None
        heard = [source_dir("features") / f"{name}.py" for name in _FEATURES]
        heard.append(source_dir("datasets") / "synth" / "wordset.py")
        learned = [source_dir("training") / f"{name}.py" for name in _CODE]
        self._spoken_by = _digest_of(heard)
        others = [source_dir("tasks") / "recipes.py", source_dir("datasets") / "window.py"]
        self._code = _digest_of([*others, *heard, *learned])

    def inputs(self, run: Run) -> dict[str, object]:
        """Everything that determines a training."""
        return {
            "variation": asdict(self._how(run)),
            "front end": asdict(self._spec),
            "run": {k: v for k, v in asdict(run).items() if k not in ("group", "label")},
            "data": self.dataset.digest,
            "code": self._code,
            "engines": synth.engine_versions() if run.spoken else "",
            "speakers": [SPEAKERS, OTHERS_EACH] if run.spoken else [],
            "labels": list(self._task.labels),
        }

    @property
    def task(self) -> Task:
        """The task of the shipped model: labels, features and the recipe's layers."""
        return chosen(self._task, Choice(recipe=RECIPE, branches=False, synthesis=SPOKEN_SHARE))

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
        real, own = self._recorded(), self._learned_from()
        everything = np.ones(len(real.classes), dtype=bool)
        test = everything if run.fold in (ALONE, SHIPPED) else self._folds == run.fold
        learned_from = everything if run.fold == SHIPPED else ~test
        shares = []
        if run.real:
            learned = Words(features=own.features[learned_from], classes=own.classes[learned_from])
            shares.append(Share(words=learned, times=run.real))
        if run.spoken:
            shares.append(Share(words=self.spoken(), times=run.spoken, most=run.most))
        result = train_words(
            self._task, run.recipe, run.means, shares=shares, noises=self._noises(run),
            test=Words(features=real.features[test], classes=real.classes[test]),
            how=self._how(run), seed=run.seed, cache=self._store.root / "checkpoints", key=self.inputs(run),
            progress=told,
        )  # fmt: skip
        return result, test

    def _figures(self, run: Run, result: SpeechResult, test: npt.NDArray[np.bool_]) -> dict[str, object]:
        truth = self._recorded().classes[test]
        groups = [r.group for r, chosen in zip(self.dataset.recordings, test.tolist(), strict=True) if chosen]
        right, right_float = result.found == truth, result.found_float == truth
        words = truth != self._task.labels.index("_silence_") if "_silence_" in self._task.labels else truth >= 0
        n = len(self._task.labels)
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
            "labels": list(self._task.labels),
            "per_speaker": speakers,
            "history": result.history,
        }

    @staticmethod
    def _how(run: Run) -> Variation:
        return WIDE if run.wide else USUAL

    def _recorded(self) -> Words:
        if self._real is None:
            recordings = self.dataset.recordings
            self._real = self._words(self._spec, recordings)
        return self._real

    def _learned_from(self) -> Words:
        if self._plain is None:
            self._plain = self._words(plain(self._spec), self.dataset.recordings)
        return self._plain

    def _words(self, spec: LogMelSpec, recordings: Sequence[Recording]) -> Words:
        return words_of(self._task, spec, [r.signal for r in recordings], [r.label for r in recordings])

    def _noises(self, run: Run) -> Int16:
        """Recorded noises, or made ones where nothing recorded may be learned from."""
        if run.real:
            return noise_rows(self._spec, [r.signal for r in self.dataset.noises])
        return noise_rows(self._spec, made_noises())

    def spoken(self) -> Words:
        """The ten commands and other words by pseudo-speakers; features are kept on disk."""
        if self._spoken is None:
            commands = tuple(label for label in self._task.labels if label in COMMANDS)
            facts = [
                asdict(plain(self._spec)),
                commands,
                OTHERS,
                SPEAKERS,
                OTHERS_EACH,
                SEED,
                synth.engine_versions(),
                self._spoken_by,
            ]
            path = self._store.root / f"spoken-{digest(facts)[:20]}.npz"
            if not path.is_file():
                recordings = speak_words(
                    words=commands, others=OTHERS, n_speakers=SPEAKERS, others_each=OTHERS_EACH, seed=SEED,
                    engines=engines(), progress=self._progress,
                )  # fmt: skip
                made = self._words(plain(self._spec), recordings)
                out = io.BytesIO()
                np.savez_compressed(out, features=made.features, classes=made.classes)
                write_atomic(path, out.getvalue())
            with np.load(path, allow_pickle=False) as file:
                self._spoken = Words(features=file["features"], classes=file["classes"])
        return self._spoken


_FEATURES = ("logmel", "fft", "hann", "integers", "melbank", "log1p", "gain")
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


def _digest_of(paths: Sequence[Path]) -> str:
    return digest([digest_bytes(path.read_bytes()) for path in paths])


def made_noises() -> list[Int16]:
    """Noises of every made-up kind, half a minute each: int16 [n, 1]."""
    rng = np.random.default_rng([SEED, 41])
    return [synth.noise(kind, rng, 8 * synth.SAMPLES) for kind in synth.NOISE_KINDS for _ in range(4)]
