"""`tinygen search`: networks under a budget, each costed by the compiler before it is trained, most given up early.

The study lies in a data base, so that a search goes on after an interruption, and many machines can work on one study.
Importing this does not import Optuna.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import digest, digest_tree
from tinygen.core.errors import TinygenError, bad_input, tool_failed
from tinygen.core.files import write_atomic
from tinygen.core.resources import source_dir
from tinygen.core.values import Report
from tinygen.pipeline import saved, search_views
from tinygen.pipeline.context import Context
from tinygen.pipeline.costing import Budget, Cost, cost_of, untrained
from tinygen.pipeline.prepared import Prepared, prepared
from tinygen.pipeline.steps import data_key, dataset_of
from tinygen.pipeline.study import explained, opened
from tinygen.tasks.candidates import layers_of
from tinygen.tasks.shapes import cost as shape_cost
from tinygen.tasks.spec import Layer, Means
from tinygen.training.trial import train_candidate

_REFUSED_AT_MOST = 40  # proposals before any is trained: a budget nothing fits ends the search with words
_REFUSED_BETWEEN = 200  # proposals after one that fitted: few fit, but some do
_HALVING = 3  # the share that goes on is one in three
_DEFAULT_EPOCHS = {"gesture": 9, "kws": 18}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to search.

    Attributes:
        trials: candidates that are trained, over all runs of the study.
        storage: any URL Optuna takes; "" is an SQLite file in the build folder.
        instructions: limit of estimated instructions of one inference, or None.
    """

    trials: int = 20
    storage: str = ""
    instructions: int | None = None


def search(ctx: Context, request: Request) -> Report:
    """Search until the study has its candidates.

    Raises:
        TinygenError: Optuna, TensorFlow or the C++ compiler is missing; the storage cannot be used; no candidate fits.
    """
    if find_spec("optuna") is None:
        raise tool_failed(
            "Optuna is not installed: it proposes the candidates", hint="run: pip install 'tinygen[train]'"
        )
    material = prepared(ctx.config, dataset_of(ctx))
    found = _Search(ctx=ctx, request=request, material=material, board=ctx.board, budget=_budget(ctx, request))
    return saved.keep(ctx, found.run())


def _budget(ctx: Context, request: Request) -> Budget:
    chip = ctx.board.chip
    return Budget(
        ram_bytes=ctx.config.ram_budget_bytes or chip.ram.size_bytes,
        flash_bytes=ctx.config.flash_budget_bytes or chip.flash.size_bytes,
        instructions=request.instructions,
    )


class _Search:
    """One run of a study."""

    def __init__(self, *, ctx: Context, request: Request, material: Prepared, board: BoardSpec, budget: Budget) -> None:
        self._ctx, self._request, self._material = ctx, request, material
        self._task = task = material.task
        self._board, self._budget = board, budget
        self._means = Means(epochs=ctx.config.epochs or _DEFAULT_EPOCHS.get(task.name, 9), batch_size=32, average=0.98)
        rooms = [source_dir(room) for room in ("datasets", "features", "tasks", "training")]
        self._key = digest(
            {
                "task": task.name,
                "data": data_key(ctx.config.data),
                "seed": ctx.config.seed,
                "code": digest_tree(rooms, suffixes=(".py",)),
                "means": asdict(self._means),
                "open_set": None if task.open_set is None else asdict(task.open_set),
            }
        )
        self._name = digest([self._key, board.id, asdict(budget), ctx.config.optimize])[:16]
        self._folder = ctx.config.build_dir / "search" / self._name
        self._sides: Any = None

    def run(self) -> Report:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._folder.mkdir(parents=True, exist_ok=True)
        study = self._study(optuna)
        with explained(self._url):
            return self._searched(optuna, study)

    def _searched(self, optuna: Any, study: Any) -> Report:
        _take_up_abandoned(optuna, study)
        refused: list[str] = []
        while (done := self._count(study, "trained")) < self._request.trials:
            over = self._one(optuna, study)
            refused = [*refused, over] if over else []
            if over:
                self._ctx.progress("searching", done, self._request.trials, f"over the budget: {over}")
            if len(refused) >= (_REFUSED_BETWEEN if self._count(study, "trained") else _REFUSED_AT_MOST):
                raise bad_input(
                    f"{len(refused)} candidates in a row are over the budget, the last by {refused[-1]}",
                    where="search",
                    hint="raise --ram, --flash or --instructions, or take a larger board",
                )
        rows = [search_views.row_of(trial.number, trial.user_attrs, str(trial.state.name)) for trial in study.trials]
        front = search_views.front([row for row in rows if row.accuracy is not None])
        write_atomic(self._folder / "front.svg", search_views.picture(rows, front))
        return search_views.report(
            self._task.name, self._board.id, self._budget, rows, front,
            study=self._name, folder=self._folder, seed=self._ctx.config.seed, epochs=self._means.epochs,
        )  # fmt: skip

    def _study(self, optuna: Any) -> Any:
        def make(storage: Any) -> Any:
            # Trials of an earlier run count towards the seed: a resumed search proposes something new.
            study = optuna.create_study(
                storage=storage,
                study_name=f"tinygen-{self._name}",
                direction="maximize",
                pruner=optuna.pruners.SuccessiveHalvingPruner(
                    min_resource=max(1, self._means.epochs // _HALVING**2), reduction_factor=_HALVING
                ),
                load_if_exists=True,
            )
            seed = self._ctx.config.seed + len(study.trials)
            study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
            return study

        return opened(optuna, self._url, make)

    @property
    def _url(self) -> str:
        return self._request.storage or f"sqlite:///{self._folder / 'study.db'}"

    @staticmethod
    def _count(study: Any, attribute: str) -> int:
        return sum(attribute in trial.user_attrs for trial in study.trials)

    def _one(self, optuna: Any, study: Any) -> str:
        """Propose, cost, and train unless it is over the budget; returns what is over it, "" where nothing is."""
        trial = study.ask()
        trial.set_user_attr("worker", _worker())
        layers = layers_of(self._task, lambda name, options: int(trial.suggest_categorical(name, list(options))))
        if layers is None:
            over = "its windows are longer than what is left of the input"
            trial.set_user_attr("over", over)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return over
        cost = cost_of(
            untrained(layers, self._task.input_shape), self._board, self._budget, self._ctx.options,
            self._ctx.config.build_dir / "measure" / "candidates",
        )  # fmt: skip
        for name, value in asdict(cost).items():
            if name != "over":
                trial.set_user_attr(name, value)
        trial.set_user_attr("parameters", shape_cost(layers, self._task.input_shape).parameters)
        trial.set_user_attr("layers", [_word(layer) for layer in layers])
        if cost.over:
            trial.set_user_attr("over", cost.over)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return cost.over
        self._train(optuna, study, trial, layers, cost)
        return ""

    def _train(self, optuna: Any, study: Any, trial: Any, layers: tuple[Layer, ...], cost: Cost) -> None:
        last = 0.0

        def heard(epoch: int, accuracy: float) -> None:
            nonlocal last
            last = accuracy
            trial.report(accuracy, epoch)
            if epoch < self._means.epochs and trial.should_prune():
                trial.set_user_attr("given_up_after", epoch)
                raise optuna.TrialPruned

        done = self._count(study, "trained")
        try:
            tflite, accuracy = train_candidate(
                self._task, layers, *self._examples(), self._means, seed=self._ctx.config.seed,
                cache=self._folder / "checkpoints", key=self._key, after_epoch=heard,
                progress=self._progress(trial.number, done, cost),
            )  # fmt: skip
        except optuna.TrialPruned:
            trial.set_user_attr("accuracy_when_given_up", last)
            trial.set_user_attr("trained", True)
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return
        except TinygenError as error:
            trial.set_user_attr("trained", True)
            trial.set_user_attr("failed", error.message)
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return
        write_atomic(self._folder / f"candidate-{trial.number:03d}.tflite", tflite)
        trial.set_user_attr("accuracy", accuracy)
        trial.set_user_attr("trained", True)
        study.tell(trial, accuracy)

    def _examples(self) -> tuple[Any, Any]:
        """Training and validation examples, made once."""
        if self._sides is None:
            from tinygen.training.sides import sides_of

            train, validation, _ = sides_of(
                self._task, self._material.dataset, self._material.sides, seed=self._ctx.config.seed,
                work_dir=self._ctx.cache_dir / "features", progress=self._ctx.progress,
            )  # fmt: skip
            self._sides = (train, validation)
        return self._sides  # type: ignore[no-any-return]

    def _progress(self, number: int, done: int, cost: Cost) -> Callable[..., None]:
        def told(stage: str, at: int, of: int, remark: str = "") -> None:
            said = f"candidate {number}: {cost.instructions or 0:,} instructions, epoch {at} of {of}, {remark}"
            self._ctx.progress("searching", done, self._request.trials, said)

        return told


def _worker() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _take_up_abandoned(optuna: Any, study: Any) -> None:
    """Trials a killed process of this machine left behind are proposed again; their checkpoints are still there."""
    host = socket.gethostname()
    for trial in study.trials:
        if trial.state != optuna.trial.TrialState.RUNNING:
            continue
        machine, _, process = str(trial.user_attrs.get("worker", f"{host}:0")).rpartition(":")
        if machine == host and not _alive(int(process)):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            if trial.params:
                study.enqueue_trial(trial.params)


def _alive(process: int) -> bool:
    return process == os.getpid() or (process > 0 and Path(f"/proc/{process}").exists())


def _word(layer: Layer) -> str:
    size = "x".join(map(str, layer.kernel))
    stride = "" if layer.strides == (1, 1) else "/" + "x".join(map(str, layer.strides))
    return f"{layer.kind} {layer.filters or ''} {size}{stride}".replace("  ", " ")
