"""Recordings as people have them: deep or flat folders, spreadsheets, other axes; nothing is guessed in silence."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from tinygen.cli import cli
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.importing.request import Rules
from tinygen.datasets.importing.run import import_data
from tinygen.datasets.layout import Facts
from tinygen.datasets.load import load_dataset
from tinygen.datasets.readers.npz import read_npz
from tinygen.datasets.readers.table import read_tables

WORDS = Facts(name="mine", task="kws", source="a test")


def sound(path: Path, samples: int = 1600, rate_hz: int = 16000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.as_posix().encode()))
    soundfile.write(str(path), rng.normal(0, 0.1, samples), rate_hz)


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("anna/go/1.flac", "^(?P<speaker>[^/]+)/(?P<label>[^/]+)/"),
        ("go/anna/1.wav", "^(?P<label>[^/]+)/(?P<speaker>[^/]+)/"),
        ("go-anna-1.wav", "^(?P<label>[a-z]+)-(?P<speaker>[a-z]+)-"),
    ],
)
def test_a_pattern_reads_folders_of_any_depth(tmp_path: Path, file: str, pattern: str) -> None:
    source = tmp_path / "in"
    for speaker in ("anna", "bert"):
        for label in ("go", "stop"):
            sound(source / file.replace("anna", speaker).replace("go", label))
    sound(source / "_background_noise_" / "rain.wav")
    written = import_data(source, tmp_path / "out", WORDS, Rules(pattern=pattern))
    assert (written.labels, written.groups, written.noises) == ({"go": 2, "stop": 2}, 2, 1)
    made = load_dataset("kws", tmp_path / "out", tmp_path / "cache", 1)
    assert {(r.label, r.group) for r in made.recordings} == {(w, s) for w in ("go", "stop") for s in ("anna", "bert")}


@pytest.mark.parametrize(("file", "said"), [("anna/go/1.wav", "2 folders deep"), ("1.wav", "lies in no folder")])
def test_a_class_that_nobody_names_is_asked_for(tmp_path: Path, file: str, said: str) -> None:
    sound(tmp_path / "in" / "go" / "1.wav")
    sound(tmp_path / "in" / file)
    with pytest.raises(TinygenError, match=said) as error:
        import_data(tmp_path / "in", tmp_path / "out", WORDS, Rules())
    assert error.value.where == file and "--pattern" in error.value.hint
    assert not (tmp_path / "out").exists()


def test_long_sounds_are_cut_as_other_signals_are(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "healthy" / "pump.wav", 10_500)
    written = import_data(tmp_path / "in", tmp_path / "out", replace(WORDS, task="vibration"), Rules(seconds=0.1))
    assert written.labels == {"healthy": 6} and written.groups == 1


def test_a_label_that_is_called_otherwise_is_told_and_two_never_become_one(tmp_path: Path) -> None:
    sound(tmp_path / "in" / "hey you" / "1.wav")
    run = CliRunner().invoke(cli, ["datasets", "import", str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    assert run.exit_code == 0 and "the class 'hey you' is called 'hey-you' here" in run.output
    sound(tmp_path / "in" / "hey-you" / "1.wav")
    with pytest.raises(TinygenError, match="both become the folder 'hey-you'"):
        import_data(tmp_path / "in", tmp_path / "two", WORDS, Rules())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_no_bug_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path / "in" / "go" / "1.wav")

    def full(path: Path, data: bytes) -> int:
        with Path("/dev/full").open("wb", buffering=0) as file:
            return file.write(data) or 0

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(TinygenError, match=os.strerror(28)) as error:
        import_data(tmp_path / "in", tmp_path / "out", WORDS, Rules())
    assert error.value.code == ExitCode.TOOL_FAILED and not (tmp_path / "out").exists()


def test_a_spreadsheet_with_decimal_commas_is_read(tmp_path: Path) -> None:
    rows = [f"up;{i % 5},5;-0,25" for i in range(20)]
    (tmp_path / "a.csv").write_text("\n".join(["label;x;y", *rows]))
    signal = read_tables([tmp_path / "a.csv"], tmp_path / "a.csv").recordings[0].signal
    assert signal.shape == (20, 2)
    assert np.allclose(signal[:, 0] / signal[0, 0], [(i % 5 + 0.5) / 0.5 for i in range(20)], rtol=1e-3)


@pytest.mark.parametrize("name", ["timestamp", ""])
def test_a_column_that_only_grows_is_no_channel(tmp_path: Path, name: str) -> None:
    rows = [f"{0.01 * i:.2f},{'up' if i < 20 else 'down'},{i % 5}" for i in range(40)]
    (tmp_path / "a.csv").write_text("\n".join([f"{name},label,x", *rows]))
    with pytest.raises(TinygenError, match=f"column '{name}' grows from row to row"):
        read_tables([tmp_path / "a.csv"], tmp_path / "a.csv")


@pytest.mark.parametrize("arrays", [("signal",), ("up", "down")])
def test_channels_before_samples_are_refused(tmp_path: Path, arrays: tuple[str, ...]) -> None:
    stack = np.random.default_rng(1).normal(size=(4, 3, 100))
    label = {"label": np.array(["a", "b", "a", "b"])} if arrays == ("signal",) else {}
    whole: dict[str, Any] = {**dict.fromkeys(arrays, stack), **label}
    np.savez(tmp_path / "a.npz", **whole)
    with pytest.raises(TinygenError, match="3 samples of 100 channels; swap"):
        read_npz([tmp_path / "a.npz"], tmp_path / "a.npz", ())


def test_people_of_an_npz_are_called_people(tmp_path: Path) -> None:
    stack = np.random.default_rng(1).normal(size=(4, 100, 3))
    np.savez(tmp_path / "a.npz", signal=stack, label=["a", "b"] * 2, person=[1, 1, 2, 2])
    assert read_npz([tmp_path / "a.npz"], tmp_path / "a.npz", ()).group_kind == "person"
