"""Any word list, spoken: every speaker says every word, and what nobody can speak is refused first."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.load import load_dataset
from tinygen.datasets.synth import spoken
from tinygen.pipeline import data_verbs
from tinygen.pipeline.context import Context

WANTED = spoken.WordList(
    words=("ja", "nein"), others=("haus",), languages=("de", "en"), engines=("espeak-ng",), speakers=4, takes=1, seed=1
)


def test_a_word_list_in_two_languages_becomes_a_folder_for_data(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("espeak-ng", "espeak-ng")
    ctx = Context(config=load_config(None, {"task": "kws", "build_dir": str(tmp_path / "b")}, tmp_path))
    report = data_verbs.synth(ctx, tmp_path / "words", WANTED)
    assert report.details["labels"] == {"_silence_": 6, "_unknown_": 4, "ja": 4, "nein": 4}
    made = load_dataset("kws", tmp_path / "words", tmp_path / "cache", 1)
    assert made.synthetic and made.licence == "MIT" and made.group_kind == "speaker"
    said = [r for r in made.recordings if r.label in ("ja", "nein")]
    assert {r.signal.shape for r in said} == {(16000, 1)}
    assert all(np.abs(r.signal.astype(int)).max() > 8000 for r in said)
    assert len({r.group for r in said}) == 4
    assert {r.name.rsplit("-", 3)[-3] for r in said} == {"de", "en"}
    assert len(made.noises) == 5


def test_the_same_seed_speaks_alike(needs_tool: Callable[..., str]) -> None:
    needs_tool("espeak-ng", "espeak-ng")
    assert spoken.speakers_of(WANTED) == spoken.speakers_of(WANTED)
    assert spoken.speakers_of(replace(WANTED, seed=2)) != spoken.speakers_of(WANTED)


def test_languages_and_engines_that_are_not_there_are_refused(
    needs_tool: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_tool("espeak-ng", "espeak-ng")
    with pytest.raises(TinygenError, match="no language 'xx'"):
        spoken.check(replace(WANTED, languages=("xx",)))
    with pytest.raises(TinygenError, match="no engine 'espeek'") as caught:
        spoken.check(replace(WANTED, engines=("espeek",)))
    assert "espeak-ng" in caught.value.hint
    with pytest.raises(TinygenError, match="'haus' is named twice"):
        spoken.check(replace(WANTED, words=("haus",)))
    with pytest.raises(TinygenError, match="no language to speak"):
        spoken.check(replace(WANTED, languages=()))
    with pytest.raises(TinygenError, match=r"'\.\.\.' has no letter"):
        spoken.check(replace(WANTED, words=("...",)))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(TinygenError, match="not installed") as missing:
        spoken.check(WANTED)
    assert missing.value.code is ExitCode.TOOL_FAILED
    with pytest.raises(TinygenError, match="no speech engine"):
        spoken.check(replace(WANTED, engines=()))
    monkeypatch.setattr(spoken, "available", lambda: ("flite",))
    with pytest.raises(TinygenError, match="speak English only"):
        spoken.check(replace(WANTED, engines=("flite",)))
    assert [text for text in spoken.absent() if "hibari, a neural English voice, is not installed: pip" in text]


def test_the_neural_voice_speaks_offline() -> None:
    pytest.importorskip("hibari", reason="the neural voice is an extra: pip install tinygen[voices]")
    wanted = replace(WANTED, words=("yes",), others=("bird",), languages=("en",), engines=("hibari",), speakers=3)
    made = [r for r in spoken.recordings(wanted, lambda *_a, **_k: None) if r.label != "_silence_"]
    assert {r.group for r in made} == {"hibari-heart"}
    assert all(np.abs(r.signal.astype(int)).max() > 8000 for r in made)
