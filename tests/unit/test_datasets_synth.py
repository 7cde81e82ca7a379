"""Built-in data: seeded, repeatable, kept, and shaped as its manifest says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tinygen.core.bearing import fault_frequencies
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.progress import Progress, silent
from tinygen.datasets.load import load_dataset
from tinygen.datasets.manifest import load_manifest, load_manifests
from tinygen.datasets.registry import GENERATORS
from tinygen.datasets.split import split
from tinygen.datasets.synth import kws
from tinygen.datasets.synth.speech import Speaker, draw_speakers
from tinygen.datasets.synth.vibration import LSB_PER_G, RATE_HZ, draw_machine, snapshot
from tinygen.datasets.values import Int16


def smoke(task: str, cache: Path, seed: int = 1) -> str:
    dataset = load_dataset(task, None, cache, seed, silent, "smoke")
    manifest = load_manifests()[dataset.name]
    assert dataset.synthetic
    assert {r.label for r in dataset.recordings} == set(manifest.labels)
    assert {r.rate_hz for r in dataset.recordings} == {manifest.rate_hz}
    assert {r.signal.shape[1] for r in dataset.recordings} == {manifest.n_channels}
    assert {r.signal.dtype for r in dataset.recordings} == {np.dtype(np.int16)}
    assert dataset.group_kind == manifest.group_kind
    assert any("synthetic" in note for note in dataset.notes)
    sides = split(dataset, seed)
    assert min(len(side) for side in (sides.train, sides.validation, sides.test)) > 0
    return dataset.digest


@pytest.mark.parametrize("task", ["vibration", "gesture"])
def test_generators_repeat_and_are_kept(tmp_path: Path, task: str) -> None:
    first = smoke(task, tmp_path / "one")
    assert smoke(task, tmp_path / "one") == first  # from the cache
    assert smoke(task, tmp_path / "two") == first  # made again
    assert smoke(task, tmp_path / "two", seed=2) != first


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    first = smoke("gesture", tmp_path)
    kept = next(tmp_path.glob("*.npz"))
    kept.write_bytes(kept.read_bytes()[:1000])
    assert smoke("gesture", tmp_path) == first


def test_spoken_keywords(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    needs_tool("espeak-ng", "espeak-ng")
    first = smoke("kws", tmp_path / "one")
    assert smoke("kws", tmp_path / "two") == first


def test_a_voice_is_one_group_whatever_its_accent_and_pitch() -> None:
    speakers = draw_speakers(np.random.default_rng(1), 30, ("espeak-ng", "flite"))
    assert len({s.name for s in speakers}) == 30
    for speaker in speakers:
        timbre = speaker.voice.rsplit("+", 1)[-1]
        same = {s.group for s in speakers if s.voice.rsplit("+", 1)[-1] == timbre}
        assert same == {speaker.group}
    assert len({s.group for s in speakers if s.engine == "flite"}) == 4


def test_noises_of_augmentation_are_in_no_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    used: dict[bytes, set[str]] = {}

    def speak(jobs: list[tuple[Speaker, str]], progress: Progress) -> list[Int16]:
        return [np.full((4000, 1), 900, dtype=np.int16) for _ in jobs]

    def take(word: Int16, noises: list[Int16], rng: np.random.Generator) -> Int16:
        rooms.append([n.tobytes() for n in noises])
        return word

    rooms: list[list[bytes]] = []
    monkeypatch.setattr("tinygen.datasets.synth.kws.engines", lambda: ("espeak-ng", "flite"))
    monkeypatch.setattr("tinygen.datasets.synth.kws.speak_all", speak)
    monkeypatch.setattr("tinygen.datasets.synth.kws._take", take)
    recordings, noises = kws.generate(1, "smoke", silent)
    spoken = [r for r in recordings if r.label != "_silence_"]
    for recording, room in zip(spoken, rooms, strict=True):
        for one in room:
            used.setdefault(one, set()).add(recording.group)
    assert all(len(groups) == 1 for groups in used.values())
    assert not {n.signal.tobytes() for n in noises} & used.keys()


def test_no_speech_engine_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygen.datasets.synth.speech.shutil.which", lambda name: None)
    with pytest.raises(TinygenError) as caught:
        load_dataset("kws", None, tmp_path, 1)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "espeak-ng" in caught.value.hint
    assert "flite" in caught.value.hint


def test_failing_engine_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> object:
        raise TinygenError(ExitCode.TOOL_FAILED, "failed")

    monkeypatch.setattr("tinygen.datasets.synth.kws.speak_all", broken)
    monkeypatch.setattr("tinygen.datasets.synth.kws.engines", lambda: ("espeak-ng",))
    monkeypatch.setattr("tinygen.datasets.synth.speech.shutil.which", lambda name: "/bin/true")
    with pytest.raises(TinygenError):
        load_dataset("kws", None, tmp_path, 1, silent, "smoke")
    assert not list(tmp_path.iterdir())


def test_a_fault_shows_at_its_ball_pass_frequency() -> None:
    rng = np.random.default_rng(5)
    machine = draw_machine(rng, 0)
    assert machine.fault == "outer_race"

    def envelope_line(severity: float) -> float:
        total = 0.0
        for _ in range(8):
            wave = snapshot(machine, rng, severity)[:, 0]
            spectrum = np.fft.rfft(wave)
            spectrum[: int(1000 / (RATE_HZ / wave.size))] = 0
            envelope = np.abs(np.fft.irfft(spectrum, wave.size))
            lines = np.abs(np.fft.rfft(envelope - envelope.mean()))
            at = fault_frequencies(machine.bearing, machine.shaft_hz)["BPFO"] * wave.size / RATE_HZ
            near = lines[int(at) - 1 : int(at) + 3].max()
            total += near / np.median(lines[2:200])
        return total / 8

    assert envelope_line(1.0) > 2 * envelope_line(0.0)


def test_vibration_uses_the_range_without_clipping(tmp_path: Path) -> None:
    dataset = load_dataset("vibration", None, tmp_path, 1, silent, "smoke")
    peak = max(int(np.abs(r.signal.astype(np.int32)).max()) for r in dataset.recordings)
    assert LSB_PER_G < peak < 32767


def test_gestures_at_rest_show_gravity(tmp_path: Path) -> None:
    dataset = load_dataset("gesture", None, tmp_path, 1, silent, "smoke")
    still = [r.signal.astype(np.float64) for r in dataset.recordings if r.label == "none"]
    size = np.median([np.linalg.norm(signal.mean(axis=0)) for signal in still]) / 4096
    assert size == pytest.approx(1.0, abs=0.08)


def test_every_generator_has_its_manifest() -> None:
    manifests = load_manifests()
    assert {g.name for g in GENERATORS} == {m.name for m in manifests.values() if m.synthetic}
    for generator in GENERATORS:
        assert manifests[generator.name].task == generator.task
        assert manifests[generator.name].licence


def test_manifest_faults_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text('name = "x"\ncolour = "red"\nrate_hz = "fast"\n')
    with pytest.raises(TinygenError) as caught:
        load_manifest(path)
    for key in ("colour", "rate_hz", "title", "labels"):
        assert key in caught.value.message
    path.write_text("name = ")
    with pytest.raises(TinygenError, match="cannot be read"):
        load_manifest(path)
