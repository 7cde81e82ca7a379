"""Recordings made elsewhere: what is read, and what is said when it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets.load import load_dataset
from tinygen.datasets.values import Dataset

soundfile = pytest.importorskip("soundfile")


def tone(n: int = 1600, channels: int = 1, seed: int = 0) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-9000, 9000, size=(n, channels)).astype(np.int16)


def audio(path: Path, data: npt.NDArray[Any], rate_hz: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), data, rate_hz, subtype="PCM_16")
    return path


def load(task: str, data: Path) -> Dataset:
    return load_dataset(task, data, data.parent / "cache", 1)


def refused(task: str, data: Path) -> TinygenError:
    with pytest.raises(TinygenError) as caught:
        load(task, data)
    assert caught.value.code == ExitCode.BAD_INPUT
    return caught.value


def test_class_folders_give_label_speaker_and_noise(tmp_path: Path) -> None:
    root = tmp_path / "words"
    sample = tone(seed=3)
    audio(root / "yes" / "ab12_nohash_0.wav", sample)
    audio(root / "yes" / "house_ab13_nohash_1.flac", tone(seed=1))
    audio(root / "_silence_" / "17.wav", tone())
    audio(root / "_background_noise_" / "tap.wav", tone(5000))
    dataset = load("kws", root)
    by_name = {r.name: r for r in dataset.recordings}
    assert {r.label for r in dataset.recordings} == {"yes", "_silence_"}
    assert by_name["yes/ab12_nohash_0.wav"].group == "ab12"
    assert by_name["yes/house_ab13_nohash_1.flac"].group == "ab13"
    assert by_name["_silence_/17.wav"].group == "_silence_/17.wav"
    assert dataset.group_kind == "speaker"
    assert not dataset.synthetic
    assert [noise.label for noise in dataset.noises] == ["_noise_"]
    np.testing.assert_array_equal(by_name["yes/ab12_nohash_0.wav"].signal, sample)


def test_index_names_the_speakers(tmp_path: Path) -> None:
    root = tmp_path / "words"
    for i in range(3):
        audio(root / "go" / f"{i}.wav", tone())
    (root / "index.csv").write_text("file,person\ngo/0.wav,ann\ngo/1.wav,ann\ngo/2.wav,bob\n")
    dataset = load("kws", root)
    assert dataset.group_kind == "person"
    assert [r.group for r in dataset.recordings] == ["ann", "ann", "bob"]


def test_an_index_of_some_recordings_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "words"
    for i in range(3):
        audio(root / "go" / f"{i}.wav", tone())
    (root / "index.csv").write_text("file,person\ngo/0.wav,ann\ngo/1.wav,ann\n")
    error = refused("kws", root)
    assert "2 of 3" in error.message
    assert "go/2.wav" in error.message


def test_speakers_some_names_lack_are_said(tmp_path: Path) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "ab12_nohash_0.wav", tone())
    audio(root / "go" / "mine.wav", tone(seed=1))
    assert any("1 recordings name no speaker" in note for note in load("kws", root).notes)


def test_audio_is_no_gesture(tmp_path: Path) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "a.wav", tone(16000))
    audio(root / "stop" / "b.wav", tone(16000))
    assert "16000 Hz" in refused("gesture", root).message


@pytest.mark.parametrize("task", ["gesture", "vibration"])
def test_a_class_that_never_changes_is_refused(tmp_path: Path, task: str) -> None:
    signal = np.random.default_rng(1).normal(size=(6, 400, 3))
    signal[3:] = 0.25
    path = tmp_path / "data.npz"
    np.savez(path, signal=signal, label=["healthy"] * 3 + ["worn"] * 3, rate_hz=500)
    error = refused(task, path)
    assert "3 of 3 recordings of 'worn' never change" in error.message


def test_one_recording_that_never_changes_is_said(tmp_path: Path) -> None:
    signal = np.random.default_rng(1).normal(size=(6, 400, 3))
    signal[4] = 0
    path = tmp_path / "data.npz"
    np.savez(path, signal=signal, label=["healthy"] * 3 + ["worn"] * 3, rate_hz=500)
    assert any("1 recordings never change" in note for note in load("gesture", path).notes)


def test_silence_may_be_silent(tmp_path: Path) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "a.wav", tone(16000))
    audio(root / "_silence_" / "b.wav", tone(16000) * 0)
    assert not any("never change" in note for note in load("kws", root).notes)


def test_words_of_a_millisecond_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "a.wav", tone(16))
    audio(root / "stop" / "b.wav", tone(16))
    assert "1 ms" in refused("kws", root).message


@pytest.mark.parametrize("rate", [0.001, 0.4, -5.0, np.nan, np.inf])
def test_a_rate_below_one_hertz_is_refused(tmp_path: Path, rate: float) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, signal=tone(400, 3)[None].repeat(4, 0), label=list("aabb"), rate_hz=rate)
    assert "rate_hz" in refused("gesture", path).message


def test_a_time_column_in_another_unit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,x,label\n" + "".join(f"{10 * i},{i % 7},{'ab'[i > 50]}\n" for i in range(100)))
    assert "less than one sample a second" in refused("gesture", path).message


def test_other_rates_and_stereo_are_adapted_and_said(tmp_path: Path) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "a.wav", tone(4410, channels=2), 44100)
    audio(root / "go" / "b.wav", tone(1600))
    dataset = load("kws", root)
    assert {r.rate_hz for r in dataset.recordings} == {16000}
    assert {r.signal.shape for r in dataset.recordings} == {(1600, 1)}
    assert any("44100" in note for note in dataset.notes)
    assert any("mixed to one channel" in note for note in dataset.notes)


def test_float_wav_is_scaled_to_int16(tmp_path: Path) -> None:
    path = tmp_path / "words" / "go" / "a.wav"
    path.parent.mkdir(parents=True)
    soundfile.write(str(path), np.array([0.0, 0.5, -1.0] * 1000), 16000, subtype="FLOAT")
    assert load("kws", tmp_path / "words").recordings[0].signal[:3, 0].tolist() == [0, 16384, -32768]


def test_missing_path(tmp_path: Path) -> None:
    assert "no such file" in refused("kws", tmp_path / "nothing").message


def test_unknown_task_is_corrected(tmp_path: Path) -> None:
    with pytest.raises(TinygenError) as caught:
        load_dataset("gestur", None, tmp_path, 1)
    assert "gesture" in caught.value.hint


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_truncated_recording_is_named(tmp_path: Path, suffix: str) -> None:
    root = tmp_path / "words"
    audio(root / "go" / "fine.wav", tone())
    broken = audio(root / "go" / f"broken{suffix}", tone(16000))
    broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])
    error = refused("kws", root)
    assert error.where.endswith(f"broken{suffix}")


def test_corrupt_recording_is_named(tmp_path: Path) -> None:
    path = tmp_path / "words" / "go" / "noise.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"this is not audio at all, only text with a wrong name")
    assert refused("kws", tmp_path / "words").where.endswith("noise.wav")


def test_empty_recording_is_named(tmp_path: Path) -> None:
    audio(tmp_path / "words" / "go" / "none.wav", np.zeros((0, 1), dtype=np.int16))
    assert refused("kws", tmp_path / "words").where.endswith("none.wav")


def test_recordings_outside_class_folders(tmp_path: Path) -> None:
    path = audio(tmp_path / "words" / "a.wav", tone())
    assert "class folder" in refused("kws", tmp_path / "words").message
    assert "<label>" in refused("kws", path).hint


def test_empty_folder_and_unknown_format(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no recording" in refused("kws", tmp_path / "empty").message
    other = tmp_path / "a.mp3"
    other.write_bytes(b"x")
    assert ".mp3" in refused("kws", other).message


def test_wrong_channel_count_and_mixed_rates(tmp_path: Path) -> None:
    root = tmp_path / "motion"
    audio(root / "up" / "a.wav", tone(200, 3), 100)
    audio(root / "up" / "b.wav", tone(200, 2), 100)
    error = refused("gesture", root)
    assert "2 channels" in error.message
    assert "b.wav" in error.where
    audio(root / "up" / "b.wav", tone(200, 3), 50)
    assert "50 Hz" in refused("gesture", root).message


def test_vibration_needs_a_healthy_class(tmp_path: Path) -> None:
    root = tmp_path / "machine"
    audio(root / "worn" / "a.wav", tone())
    assert "healthy" in refused("vibration", root).message
    audio(root / "Normal" / "a.wav", tone())
    dataset = load("vibration", root)
    assert {r.label for r in dataset.recordings} == {"healthy", "worn"}


CSV = "time_ms,x,y,label,person,recording\n"


def test_csv_rows_become_recordings(tmp_path: Path) -> None:
    rows = [f"{i * 10},{i},{-i},{'up' if i < 4 else 'down'},ann,{i // 4}\n" for i in range(8)]
    path = tmp_path / "motion.csv"
    path.write_text(CSV + "".join(rows))
    dataset = load("gesture", path)
    assert [(r.label, r.group, r.rate_hz) for r in dataset.recordings] == [("up", "ann", 100), ("down", "ann", 100)]
    assert dataset.recordings[1].signal.tolist() == [[4, -4], [5, -5], [6, -6], [7, -7]]
    assert dataset.group_kind == "person"


def test_csv_folders_label_and_floats_are_scaled(tmp_path: Path) -> None:
    root = tmp_path / "motion"
    for label, peak in (("up", 1.5), ("down", 3.0)):
        (root / label).mkdir(parents=True)
        (root / label / "1.csv").write_text(f"x;y\n0.0;1.0\n{peak};-0.25\n")
    dataset = load("gesture", root)
    assert {r.label for r in dataset.recordings} == {"up", "down"}
    down = next(r for r in dataset.recordings if r.label == "down")
    assert down.signal.tolist() == [[0, 16384], [3 * 4096, -4096]]
    assert any("x x 4096" in note and "y x 16384" in note for note in dataset.notes)
    assert any("100 Hz is assumed" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("1,2,3\n4,5,6\n", "no header"),
        ("label,person\nup,ann\n", "no channel column"),
        ("x,label\n1,up\nfoo,up\n", "'foo' in column 'x' is not a number"),
        ("x,y,label\n1,2,up\n1\n", "line 3 has 1 values"),
        ("x,y,label\n", "no row"),
        ("x,label\nnan,up\n", "not a finite number"),
        ("x,y\n1,2\n", "no label"),
    ],
)
def test_bad_csv_is_explained(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "motion.csv"
    path.write_text(text)
    assert said in refused("gesture", path).message


def test_csv_that_is_binary(tmp_path: Path) -> None:
    path = tmp_path / "motion.csv"
    path.write_bytes(bytes(range(128, 256)))
    assert "not a text file" in refused("gesture", path).message


def test_npz_generic_layout(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    signal = np.arange(60, dtype=np.int16).reshape(5, 4, 3)
    np.savez(path, signal=signal, label=np.array(list("aabba")), person=np.array([1, 1, 2, 2, 3]), rate_hz=50)
    dataset = load("gesture", path)
    assert [r.group for r in dataset.recordings] == ["1", "1", "2", "2", "3"]
    assert {r.rate_hz for r in dataset.recordings} == {50}
    np.testing.assert_array_equal(dataset.recordings[2].signal, signal[2])


def test_npz_ragged_layout_with_time_column(tmp_path: Path) -> None:
    path = tmp_path / "wand.npz"
    time = np.concatenate([np.arange(30) * 20.0, np.arange(50) * 20.0])
    data = np.stack([time, np.linspace(-1, 1, 80)], axis=1).astype(np.float32)
    np.savez(path, data=data, length=np.array([30, 50]), label=np.array(["up", "none"]))
    dataset = load("gesture", path)
    assert [r.signal.shape for r in dataset.recordings] == [(30, 1), (50, 1)]
    assert {r.rate_hz for r in dataset.recordings} == {50}


def test_npz_stacked_classes_in_half_precision(tmp_path: Path) -> None:
    path = tmp_path / "spells.npz"
    rng = np.random.default_rng(0)
    np.savez(path, up=rng.normal(size=(3 * 40, 6)).astype(np.float16), down=rng.normal(size=(2 * 40, 6)).astype("e"))
    dataset = load("gesture", path)
    assert sorted(r.label for r in dataset.recordings) == ["down"] * 2 + ["up"] * 3
    assert {r.signal.shape for r in dataset.recordings} == {(40, 6)}


def test_npz_femto_layout(tmp_path: Path) -> None:
    root = tmp_path / "bearings"
    root.mkdir()
    life = np.concatenate([np.linspace(0.02, 0.3, 10), np.linspace(0.5, 1.0, 30)]).astype(np.float32)
    for bearing, scale in (("1_1", 0.002), ("1_2", 0.001)):
        acc = np.full((40, 2, 2560), 1000, dtype=np.int16)
        acc[:, :, 1] = -1000
        np.savez(root / f"femto_Bearing{bearing}.npz", acc=acc, scale=np.float32(scale), life=life, fs=[25600])
    dataset = load("vibration", root)
    labels = [r.label for r in dataset.recordings if r.group == "Bearing1_1"]
    assert [labels.count(word) for word in ("healthy", "unlabelled", "end_of_life")] == [10, 10, 20]
    assert {int(r.signal[0, 0]) for r in dataset.recordings if r.group == "Bearing1_1"} == {1024}
    assert {int(r.signal[0, 0]) for r in dataset.recordings if r.group == "Bearing1_2"} == {512}
    assert dataset.group_kind == "bearing"


def test_npz_mixed_layouts_take_one_and_say_so(tmp_path: Path) -> None:
    root = tmp_path / "gestures"
    root.mkdir()
    np.savez(
        root / "uwave_dev.npz", xyz=np.eye(20, 3, dtype=np.float16)[None].repeat(4, 0), label=np.array([1, 2, 1, 2])
    )
    np.savez(root / "other.npz", signal=np.zeros((4, 20, 3), np.int16), label=np.array([1, 2, 1, 2]))
    dataset = load("gesture", root)
    assert "used uwave_dev.npz" in dataset.notes[0]
    assert "not used: other.npz" in dataset.notes[0]
    assert any("not people" in note for note in dataset.notes)


def test_npz_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("a pickle was loaded",))

    path = tmp_path / "bad.npz"
    np.savez(path, signal=np.array([Bomb(), Bomb()], dtype=object), label=np.array(["a", "b"]))
    assert "pickled" in refused("gesture", path).message


def test_npz_truncated_unknown_and_inconsistent(tmp_path: Path) -> None:
    path = tmp_path / "motion.npz"
    np.savez(path, signal=tone(600).reshape(5, 40, 3), label=np.array(list("aabba")))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "not a readable NPZ" in refused("gesture", path).message
    np.savez(path, mystery=np.zeros(3))
    assert "mystery" in refused("gesture", path).message
    np.savez(path, signal=tone(600).reshape(5, 40, 3), label=np.array(list("aab")))
    assert "3 entries for 5 recordings" in refused("gesture", path).message
    np.savez(path, signal=np.array([[1.0, np.inf]]), label=np.array(["a"]))
    assert "not a finite number" in refused("gesture", path).message


def test_same_files_give_the_same_digest_and_other_ones_another(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        audio(tmp_path / name / "go" / "a.wav", tone(seed=seed))
    digests = [load("kws", tmp_path / name).digest for name in ("one", "two", "three")]
    assert digests[0] == digests[1] != digests[2]


ROWS = np.random.default_rng(4).normal(size=(6, 40, 3))
ABC = np.array(list("aabbcc"))


@pytest.mark.parametrize(
    "arrays",
    [
        {"signal": ROWS, "label": np.full(6, np.nan)},
        {"signal": ROWS, "label": np.full(6, np.inf)},
        {"signal": ROWS, "label": ABC, "position": ABC},
        {"signal": ROWS + 1j, "label": ABC},
        {"data": np.float32(1), "length": np.array([1]), "label": np.array(["a"])},
        {"data": np.zeros((10, 2, 2)), "length": np.array([10]), "label": np.array(["a"])},
        {"acc": np.zeros((4, 2, 30)), "scale": np.ones(2), "life": np.zeros(4), "fs": np.array([25600])},
        {"acc": np.zeros((4, 2, 30)), "scale": np.ones(1), "life": np.array(list("abcd")), "fs": np.array([25600])},
        {"xyz": ROWS, "label": np.array([1.0, np.nan, 1, 1, 1, 1])},
    ],
)
def test_malformed_arrays_are_refused(tmp_path: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    assert refused("gesture", path)
