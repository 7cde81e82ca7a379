"""Recordings are judged by their level, cut, named safely and stored where `--data` reads them."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from tinygen.cli import cli
from tinygen.config import load_config
from tinygen.core.errors import TinygenError, bad_input
from tinygen.core.files import write_atomic
from tinygen.core.values import Report
from tinygen.datasets import cut, level, recordings
from tinygen.datasets.load import load_dataset
from tinygen.device.sensing import SensorState, line_rate
from tinygen.pipeline import live, recording, stream_evaluation
from tinygen.pipeline.context import Context

Int16 = npt.NDArray[np.int16]
RATE = 16000


def tone(seconds: float, amplitude: float = 8000, hz: float = 300) -> Int16:
    time = np.arange(round(seconds * RATE)) / RATE
    wave: Int16 = np.clip(amplitude * np.sin(2 * np.pi * hz * time), -32768, 32767).astype(np.int16)
    return wave[:, None]


def hush(seconds: float) -> Int16:
    return np.random.default_rng(3).integers(-8, 9, (round(seconds * RATE), 1)).astype(np.int16)


def said(*parts: Int16) -> Int16:
    return np.concatenate(parts)


def file(path: Path, signal: Int16, rate_hz: int = RATE) -> Path:
    path.write_bytes(recordings.wav_bytes(signal, rate_hz))
    return path


def taken(folder: Path, request: recording.Request, task: str = "kws") -> Report:
    config = load_config(None, {"task": task, "build_dir": str(folder / "build")}, folder)
    return recording.record(Context(config=config), replace(request, folder=folder / "set"), lambda _line: None)


def judged(signal: Int16, *, quiet: bool = False) -> tuple[list[str], list[str]]:
    return level.problems(level.level_of(signal, RATE), signal.size, speech=True, quiet=quiet)


def test_levels_of_known_signals() -> None:
    found = level.level_of(tone(1.0, 16384), RATE)
    assert found.peak_dbfs == pytest.approx(-6.02, abs=0.02)
    assert found.loudest_dbfs == pytest.approx(-9.03, abs=0.05)
    assert found.clipped == 0
    assert level.level_of(tone(1.0, 60000), RATE).clipped > 5000
    assert level.level_of(tone(1.0, 100) + np.int16(3277), RATE).offset == pytest.approx(0.1, abs=0.01)


def test_what_is_refused_and_what_is_odd() -> None:
    good = said(hush(0.3), tone(0.4), hush(0.3))
    assert judged(good) == ([], [])
    assert "clipped" in judged(tone(1.0, 60000))[0][0]
    assert "too quiet" in judged(said(hush(0.5), tone(0.1, 30), hush(0.4)))[0][0]
    assert "connected" in judged(np.zeros((RATE, 1), np.int16))[0][0]
    assert judged(np.zeros((RATE, 1), np.int16), quiet=True) == ([], [])
    assert "is this silence" in judged(good, quiet=True)[1][0]
    assert "beginning cut off" in judged(said(tone(0.4), hush(0.6)))[1][0]
    assert "end cut off" in judged(said(hush(0.6), tone(0.4)))[1][0]
    assert "off centre" in judged(good + np.int16(4000))[1][0]


def test_a_stuck_sensor_is_told_whatever_it_is_stuck_at() -> None:
    assert "stuck" in judged(np.full((RATE, 1), 12_000, np.int16))[0][0]
    motion = np.random.default_rng(1).normal(0, 800, (500, 3)).astype(np.int16)
    motion[:, 1] = 4096
    found = level.level_of(motion, 100)
    assert found.stuck == (1,)
    bad, odd = level.problems(found, motion.size, speech=False, quiet=False, channels=3)
    assert (bad, odd) == ([], ["channel 1 never changes: is every axis connected?"])
    still = np.full((500, 3), 4096, np.int16)
    assert (
        "stuck" in level.problems(level.level_of(still, 100), still.size, speech=False, quiet=False, channels=3)[0][0]
    )


def test_stretches_are_found_and_neighbours_kept_out() -> None:
    talk = said(hush(0.5), tone(0.3), hush(0.4), tone(0.3), hush(2.0), tone(0.02), hush(0.5), tone(1.5), hush(0.5))
    stretches = cut.spoken(talk, RATE)
    assert [(round(a / RATE, 1), round(b / RATE, 1)) for a, b in stretches] == [(0.5, 0.8), (1.2, 1.5), (4.0, 5.5)]
    clips = cut.around(stretches, RATE, len(talk))
    assert len(clips) == 2  # the third is longer than a clip
    assert clips[0] == (0, RATE)
    assert clips[1][0] >= RATE - 400  # it begins in the middle of the pause
    assert clips[1][1] - clips[1][0] == RATE
    assert cut.in_a_row(RATE, 2 * RATE + 5) == [(0, RATE), (RATE, 2 * RATE)]
    assert cut.in_a_row(RATE, 100) == [(0, 100)]


@pytest.mark.parametrize(
    ("text", "word"),
    [("Zoë K.", "zoe-k"), ("go", "go"), ("CON", "con-"), ("..", ""), ("a" * 99, "a" * 40), ("../x", "x"), ("日本", "")],
)
def test_safe_words(text: str, word: str) -> None:
    assert recordings.safe_word(text) == word


@pytest.mark.parametrize("label", ["Go!", "../go", "con", "", "go ", "日本", ".hidden"])
def test_labels_that_are_no_safe_folder_are_refused(label: str, tmp_path: Path) -> None:
    with pytest.raises(TinygenError, match="no safe name"):
        taken(tmp_path, recording.Request(label=label, wav=file(tmp_path / "a.wav", tone(0.5))))
    assert not (tmp_path / "set").exists()


def test_a_talk_becomes_clips_that_the_reader_takes(tmp_path: Path) -> None:
    talk = said(hush(0.6), tone(0.3), hush(1.0), tone(0.3), hush(0.6))
    report = taken(tmp_path, recording.Request(label="go", wav=file(tmp_path / "talk.wav", talk), speaker="Zoë"))
    assert report.ok
    report = taken(tmp_path, recording.Request(label="_silence_", wav=file(tmp_path / "q.wav", hush(2.5))))
    assert report.ok
    taken(tmp_path, recording.Request(label="_background_noise_", wav=file(tmp_path / "n.wav", hush(3.5))))
    data = load_dataset("kws", tmp_path / "set", tmp_path / "cache", 1)
    assert [(r.name, r.group, len(r.signal)) for r in data.recordings if r.label == "go"] == [
        ("go/zoe_nohash_0000.wav", "zoe", RATE),
        ("go/zoe_nohash_0001.wav", "zoe", RATE),
    ]
    assert [len(r.signal) for r in data.recordings if r.label == "_silence_"] == [RATE, RATE]
    assert [len(r.signal) for r in data.noises] == [round(3.5 * RATE)]
    assert data.group_kind == "speaker"
    with (tmp_path / "set/index.csv").open() as index:
        rows = list(csv.DictReader(index))
    assert [row["file"] for row in rows][:2] == ["go/zoe_nohash_0000.wav", "go/zoe_nohash_0001.wav"]
    assert rows[0]["source"].startswith("talk.wav@")


def test_what_the_level_check_refuses_is_not_stored_unless_asked(tmp_path: Path) -> None:
    loud = file(tmp_path / "loud.wav", said(hush(0.5), tone(0.3, 90000), hush(0.5)))
    report = taken(tmp_path, recording.Request(label="go", wav=loud))
    assert not report.ok
    assert "clipped" in report.checks[0].reason
    assert not (tmp_path / "set").exists()
    assert taken(tmp_path, recording.Request(label="go", wav=loud, keep=True)).ok
    assert (tmp_path / "set/go/go_0000.wav").is_file()


def test_a_file_gives_as_many_clips_as_are_wanted(tmp_path: Path) -> None:
    talk = file(tmp_path / "talk.wav", said(*[hush(0.7), tone(0.3)] * 3, hush(0.7)))
    assert taken(tmp_path, recording.Request(label="go", wav=talk, count=2)).ok
    assert len(list((tmp_path / "set/go").glob("*.wav"))) == 2
    report = taken(tmp_path, recording.Request(label="stop", wav=talk, count=5))
    assert not report.ok
    assert "3 of 5 clips stored" in report.checks[0].reason


def test_a_file_without_a_clip_says_why(tmp_path: Path) -> None:
    with pytest.raises(TinygenError, match="nothing is said in it"):
        taken(tmp_path, recording.Request(label="go", wav=file(tmp_path / "q.wav", np.zeros((RATE, 1), np.int16))))
    talk = file(tmp_path / "talk.wav", said(hush(0.7), tone(0.8), hush(0.7)))
    with pytest.raises(TinygenError, match=r"longer than 0\.3 s") as refused:
        taken(tmp_path, recording.Request(label="go", wav=talk, seconds=0.3))
    seconds = float(refused.value.hint.split()[1])
    assert taken(tmp_path, recording.Request(label="go", wav=talk, seconds=seconds)).ok


def test_a_disk_that_fills_up_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = file(tmp_path / "talk.wav", said(hush(0.7), tone(0.3), hush(0.7)))
    index = tmp_path / "set/index.csv"

    def full(path: Path, data: bytes) -> None:
        if path.suffix == ".wav":
            raise bad_input("No space left on device", where=str(path))
        write_atomic(path, data)

    for before in (None, b"file,speaker\ngo/ann_nohash_0000.wav,ann\n"):
        if before is not None:
            index.write_bytes(before)
        with monkeypatch.context() as at_the_end, pytest.raises(TinygenError, match="No space"):
            at_the_end.setattr(recordings, "write_atomic", full)
            taken(tmp_path, recording.Request(label="go", wav=talk))
        assert (index.read_bytes() if index.exists() else None) == before
    taken(tmp_path, recording.Request(label="go", wav=talk, speaker="ann"))  # the file of that line is gone
    assert index.read_text().splitlines() == ["file,speaker", "go/ann_nohash_0000.wav,ann"]


def test_without_a_sensor_nothing_is_built_to_find_that_out(tmp_path: Path) -> None:
    given = {"task": "gesture", "board": "host", "on": "host", "build_dir": str(tmp_path / "build")}
    ctx = Context(config=load_config(None, given, tmp_path))
    with pytest.raises(TinygenError, match="has no sensor"):
        recording.record(ctx, recording.Request(label="go", on="host", folder=tmp_path / "set"), lambda _line: None)
    with pytest.raises(TinygenError, match="has no sensor"):
        live.listen(ctx, 1.0, lambda _line: None)
    with pytest.raises(TinygenError, match="gesture listens to no audio"):
        stream_evaluation.evaluate(ctx, stream_evaluation.Request())
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("words", "said_"),
    [
        (["--port", "/dev/ttyACM0", "--from-wav", "a.wav"], "--from-wav from a file"),
        (["--port", "/dev/ttyACM0", "--on", "sim"], "same thing"),
        (["--whole"], "--whole takes a file"),
        (["--whole", "--from-wav", "a.wav", "--seconds", "1"], "--whole takes a file"),
    ],
)
def test_options_that_say_two_things_are_refused(words: list[str], said_: str, tmp_path: Path) -> None:
    given = ["record", "--task", "kws", "--label", "go", "-o", str(tmp_path / "set"), *words]
    ended = CliRunner().invoke(cli, given)
    assert isinstance(ended.exception, TinygenError)
    assert said_ in str(ended.exception)
    assert not (tmp_path / "set").exists()


def test_motion_keeps_its_axes_and_rate(tmp_path: Path) -> None:
    motion = np.random.default_rng(0).integers(-9000, 9000, (300, 3)).astype(np.int16)
    wav = file(tmp_path / "circle.wav", motion, 100)
    assert taken(tmp_path, recording.Request(label="circle", wav=wav, speaker="ann"), "gesture").ok
    assert taken(tmp_path, recording.Request(label="none", wav=wav, speaker="bob"), "gesture").ok
    data = load_dataset("gesture", tmp_path / "set", tmp_path / "cache", 1)
    assert {(r.rate_hz, r.signal.shape, r.group) for r in data.recordings} == {
        (100, (300, 3), "ann"),
        (100, (300, 3), "bob"),
    }
    assert data.group_kind == "person"
    np.testing.assert_array_equal(data.recordings[0].signal, motion)


def test_an_older_data_set_stays_whole(tmp_path: Path) -> None:
    for name in ("yes/a.wav", "yes/p1_nohash_0.wav"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        file(path, tone(1.0))
    wav = file(tmp_path / "w.wav", said(hush(0.4), tone(0.3), hush(0.4)))
    taken(tmp_path, recording.Request(label="no", wav=wav, speaker="ann"))
    groups = {r.name: r.group for r in load_dataset("kws", tmp_path / "set", tmp_path / "cache", 1).recordings}
    assert groups == {"yes/a.wav": "yes/a.wav", "yes/p1_nohash_0.wav": "p1", "no/ann_nohash_0000.wav": "ann"}


@pytest.mark.parametrize("stray", ["set/a.wav", "set/x.csv", "set/y.npz", "set"])
def test_a_folder_of_another_kind_is_refused_before_anything_is_written(stray: str, tmp_path: Path) -> None:
    path = tmp_path / stray
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    with pytest.raises(TinygenError):
        taken(tmp_path, recording.Request(label="go", wav=file(tmp_path / "w.wav", tone(0.4))))
    assert not (tmp_path / "set/go").exists()


def sensor(rate_hz: float, ring: int, channels: int = 1) -> SensorState:
    return SensorState(
        kind="i2s", name="m", recording=False, channels=channels, rate_hz=rate_hz, ring_instants=ring, offered=0,
        overruns=0, saturated=0,
    )  # fmt: skip


def test_a_slow_line_is_said_or_refused() -> None:
    assert line_rate(460_800, 1) > 16000 > line_rate(230_400, 1)
    assert recording.line_notes(460_800, sensor(16000, 512), 99999, simulated=False) == []
    assert recording.line_notes(115_200, sensor(100, 512, 3), 99999, simulated=False) == []
    (said_,) = recording.line_notes(115_200, sensor(16000, 16384), 16000, simulated=False)
    assert "slower than real time" in said_
    with pytest.raises(TinygenError, match=r"ring holds 0\.03 s"):
        recording.line_notes(115_200, sensor(16000, 512), 16000, simulated=False)
    assert recording.line_notes(115_200, sensor(16000, 512), 16000, simulated=True) == []
