"""[training] of tinygen.toml: recipes and means, each switched on by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.datasets.assemble import assemble
from tinygen.datasets.split import split
from tinygen.datasets.values import Dataset, Recording
from tinygen.features.spec import LogMelSpec
from tinygen.pipeline.prepared import prepared
from tinygen.tasks import gesture, kws
from tinygen.tasks.recipes import RECIPES, Choice, chosen
from tinygen.training.spectral import NONE, USUAL, WIDE, varied
from tinygen.training.words import Epochs, Share, Words


def tones() -> Dataset:
    """Three "words" of pure tones by twelve speakers, a second each, and one noise."""
    rng = np.random.default_rng(1)
    t = np.arange(16000) / 16000
    recordings = []
    for number, label in enumerate(("low", "middle", "high")):
        for speaker in range(12):
            hertz = (300.0, 1000.0, 3000.0)[number] * rng.uniform(0.9, 1.1)
            tone = 6000 * np.sin(2 * np.pi * hertz * t) * (np.abs(t - 0.5) < rng.uniform(0.15, 0.3))
            signal = (tone + rng.normal(0, 60, size=t.shape)).astype(np.int16)[:, None]
            recordings.append(
                Recording(signal=signal, rate_hz=16000, label=label, group=f"s{speaker}", name=f"{label}/{speaker:02d}")
            )
    noise = Recording(
        signal=rng.normal(0, 500, size=(64000, 1)).astype(np.int16), rate_hz=16000, label="_noise_", group="n", name="n"
    )
    return assemble(
        name="tones", recordings=recordings, synthetic=True, licence="MIT", source="test", group_kind="speaker",
        noises=[noise],
    )  # fmt: skip


def test_the_table_becomes_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text('task = "kws"\n[training]\nrecipe = "ds_cnn"\nprune = 0.25\naveraging = false\n')
    found = load_config(path, {}, tmp_path).training
    assert found == Choice(recipe="ds_cnn", prune=0.25, averaging=False)
    assert load_config(None, {}, tmp_path / "elsewhere").training is None


@pytest.mark.parametrize(
    ("line", "said"),
    [('recipe = "ds_cn"', "ds_cnn"), ('recipe = "ds_cnn"\nprune = 2.0', "prune"), ('recipes = "ds_cnn"', "recipe")],
)
def test_a_wrong_table_is_told(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text(f"[training]\n{line}\n")
    with pytest.raises(TinygenError, match=said):
        load_config(path, {}, tmp_path)


def test_each_means_is_switched_by_itself() -> None:
    task = kws.make(tones())
    plain = Choice(recipe="branched", averaging=False, quantisation_aware=False, branches=False)
    means = chosen(task, plain).training.means
    assert means is not None
    assert (means.average, means.rounding_epochs, means.teachers, means.prune, means.branches, means.synthesis) == (
        0.0, 0, 0, 0.0, False, 0.0,
    )  # fmt: skip
    on = chosen(task, Choice(recipe="branched", teachers=1, prune=0.3, synthesis=0.2)).training.means
    assert on is not None
    assert on.average > 0 and on.rounding_epochs > 0 and on.teachers == 1 and on.prune == 0.3 and on.synthesis == 0.2
    for recipe in RECIPES:
        assert chosen(task, Choice(recipe=recipe.name)).layers != task.layers or recipe.name == "ds_cnn"


def test_recipes_are_for_words_only() -> None:
    data = tones()
    motion = assemble(
        name="m", synthetic=True, licence="MIT", source="test", group_kind="person",
        recordings=[
            Recording(
                signal=np.repeat(r.signal[::100], 3, axis=1), rate_hz=100, label=r.label, group=r.group, name=r.name
            )
            for r in data.recordings
        ],
    )  # fmt: skip
    with pytest.raises(TinygenError, match="recipes are for kws"):
        chosen(gesture.make(motion), Choice(recipe="ds_cnn"))


def test_variations_are_seeded_and_none_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    features = rng.integers(0, 900, size=(70, 49, 40)).astype(np.int16)
    noises = rng.integers(0, 600, size=(400, 40)).astype(np.int16)
    spec = LogMelSpec()
    same = varied(spec, features, noises, NONE, np.random.default_rng(1))
    np.testing.assert_allclose(same, features, atol=0.01)
    a, b, c = (varied(spec, features, noises, USUAL, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(np.nan_to_num(a), np.nan_to_num(c))
    assert 0.02 < float(np.isnan(a).mean()) < 0.3
    assert float(np.nanmin(a)) >= 0.0


def test_synthetic_speech_is_never_without_noise() -> None:
    words = np.zeros((64, 49, 40), np.int16)
    words[:, 15:30] = 700
    heard = varied(LogMelSpec(), words, np.zeros((0, 40), np.int16), WIDE, np.random.default_rng(1))
    assert float(np.nanmean(heard == 0.0)) < 0.1
    middle = (
        np.nanmean(np.nan_to_num(heard), axis=2) @ np.arange(49) / np.nansum(np.nan_to_num(heard).mean(axis=2), axis=1)
    )
    assert float(np.ptp(middle)) > 5.0  # rows: words lie anywhere in the window


def test_epochs_differ_and_can_be_made_again() -> None:
    rng = np.random.default_rng(1)
    words = Words(
        features=rng.integers(0, 900, size=(64, 49, 40)).astype(np.int16),
        classes=np.repeat([1, 2], 32).astype(np.int64),
    )
    epochs = Epochs(
        spec=LogMelSpec(), labels=("_silence_", "a", "b"), shares=(Share(words=words, times=1.5),),
        noises=rng.integers(0, 600, size=(400, 40)).astype(np.int16), how=USUAL, smoothing=0.1, seed=1,
    )  # fmt: skip
    inputs, targets = epochs(3)
    again, _ = epochs(3)
    other, _ = epochs(4)
    np.testing.assert_array_equal(inputs, again)
    assert not np.array_equal(np.nan_to_num(inputs), np.nan_to_num(other))
    assert inputs.shape == (96 + 6, 49, 40, 1)
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, atol=1e-6)
    assert targets.argmax(axis=1).tolist().count(0) == 6


def test_a_share_is_drawn_anew_and_no_class_takes_over() -> None:
    words = Words(
        features=np.zeros((100, 49, 40), np.int16), classes=np.repeat([0, 1, 2], [70, 15, 15]).astype(np.int64)
    )
    chosen = Share(words=words, times=1.0, most=2.0).drawn(np.random.default_rng(1))
    assert np.bincount(words.classes[chosen]).tolist() == [30, 15, 15]
    again = Share(words=words, times=1.0, most=2.0).drawn(np.random.default_rng(2))
    assert set(chosen.tolist()) != set(again.tolist())
    assert len(Share(words=words, times=2.5).drawn(np.random.default_rng(1))) == 250
    assert len(Share(words=words, times=0.2).drawn(np.random.default_rng(1))) == 20


@pytest.mark.slow
def test_a_recipe_learns_and_every_means_runs(tmp_path: Path, needs_module: Callable[..., None]) -> None:
    needs_module("tensorflow", "train")
    needs_module("tflite_micro", "verify")
    from tinygen.training.run import train_model

    data = tones()
    choice = Choice(recipe="branched", teachers=1, prune=0.2)
    task = chosen(kws.make(data), choice)
    means = task.training.means
    assert means is not None
    quick = replace(means, epochs=8, teacher_epochs=3, rounding_epochs=2, batch_size=8)
    task = replace(task, training=replace(task.training, means=quick))
    model = train_model(task, data, split(data, 1), seed=1, work_dir=tmp_path)
    assert model.int8_metrics["accuracy"] >= 0.8
    assert model.n_parameters <= 40_000
    assert len(model.details["history"]) == 8  # type: ignore[arg-type]
    again = train_model(task, data, split(data, 1), seed=1, work_dir=tmp_path)
    assert again.tflite == model.tflite


def test_kws_trains_its_recipe_in_stages_without_being_asked(tmp_path: Path) -> None:
    config = load_config(None, {"task": "kws"}, tmp_path)
    usual = prepared(config, tones()).task
    assert usual.training.means is not None
    assert (usual.training.means.average, usual.training.means.rounding_epochs) == (0.995, 5)
    assert (usual.training.means.branches, usual.training.means.synthesis) == (False, 0.0)
    assert usual.layers == chosen(kws.make(tones()), Choice(recipe="branched")).layers
    assert prepared(replace(config, training=Choice(recipe="ds_cnn")), tones()).task.layers != usual.layers
