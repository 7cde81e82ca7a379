"""The keyword figures: whole speakers in a fold, each means alone in the ablations, no claim before all folds."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np

from tinygen.core.values import CheckStatus
from tinygen.datasets.assemble import assemble
from tinygen.datasets.values import Dataset, Recording
from tinygen.pipeline import judging_kws as judging
from tinygen.pipeline import kws_views
from tinygen.tasks.spec import Means


def speakers() -> Dataset:
    rng = np.random.default_rng(1)
    return assemble(
        name="s", synthetic=True, licence="MIT", source="test", group_kind="speaker",
        recordings=[
            Recording(signal=np.ones((10, 1), np.int16), rate_hz=16000, label="a", group=f"p{p}", name=f"{p}-{i}")
            for p in range(23)
            for i in range(int(rng.integers(1, 40)))
        ],
    )  # fmt: skip


def test_folds_hold_whole_speakers_and_are_alike() -> None:
    data = speakers()
    folds = judging.fold_of(data)
    groups = np.array([r.group for r in data.recordings])
    for group in set(groups.tolist()):
        assert len(set(folds[groups == group].tolist())) == 1
    sizes = np.bincount(folds, minlength=judging.FOLDS)
    assert sizes.min() > 0.7 * sizes.max()
    np.testing.assert_array_equal(folds, judging.fold_of(data))


def test_every_ablation_switches_one_thing() -> None:
    ablations = [run for run in judging.runs() if run.group == "ablation"]
    base = ablations[0]
    plain = asdict(base.means)
    assert base.means.average == 0 and not base.means.branches and base.spoken == 0
    for label in dict.fromkeys(run.label for run in ablations):
        runs = [run for run in ablations if run.label == label]
        assert [run.seed for run in runs] == list(judging.ABLATION_SEEDS)
        changed = {name for name, value in asdict(runs[0].means).items() if value != plain[name]} - {"teacher_epochs"}
        changed |= {name for name in ("spoken", "natural") if getattr(runs[0], name) != getattr(base, name)}
        changed |= {"recipe"} if runs[0].recipe != base.recipe else set()
        assert len(changed) == (0 if label == base.label else 1), label


def figures(accuracy: float, seconds: float = 10.0) -> dict[str, object]:
    return {
        "accuracy": accuracy, "float_accuracy": accuracy, "accuracy_without_silence": accuracy - 0.01, "tested": 10,
        "parameters": 30_000, "macs": 5, "compiled_macs": 4, "wall_s": seconds, "cpu_s": seconds,
        "per_speaker": {"p": accuracy, "q": 0.0, "r": 1.0}, "speaker_clips": {"p": 12, "q": 1, "r": 10},
    }  # fmt: skip


def test_nothing_is_claimed_before_all_folds_are_trained() -> None:
    run = judging.Run(group="folds", label="fold 1", recipe="branched", means=Means(epochs=1), fold=0)
    for count, status in ((4, CheckStatus.BLOCKED), (5, CheckStatus.PASSED)):
        report = kws_views.report(speakers(), [(asdict(run), figures(0.93)) for _ in range(count)])
        assert report.checks[0].status == status
    low = kws_views.report(speakers(), [(asdict(run), figures(0.89)) for _ in range(5)])
    assert low.checks[0].status == CheckStatus.FAILED


def test_a_speaker_with_one_clip_is_not_the_worst() -> None:
    run = judging.Run(group="folds", label="fold 1", recipe="branched", means=Means(epochs=1), fold=0)
    rows = kws_views.report(speakers(), [(asdict(run), figures(0.8))]).tables[0].rows
    assert "2: lowest 80%, median 90%" in rows[0]


def test_plain_log_mel_is_a_figure_of_its_own() -> None:
    base = judging.Run(group="folds", label="fold", recipe="branched", means=Means(epochs=1), fold=0)
    plain = replace(base, group=kws_views.PLAIN, plain=True)
    done = [
        (asdict(replace(run, fold=fold)), figures(0.8 if run is base else 0.9))
        for run in (base, plain)
        for fold in range(5)
    ]
    found = {m.name: m.value for m in kws_views.report(speakers(), done).measurements}
    assert (found["five_fold_accuracy"], found["five_fold_accuracy_on_plain_log_mel"]) == (0.8, 0.9)
    assert sum(run.group == kws_views.PLAIN for run in judging.runs()) == judging.FOLDS
