"""A split that leaks is refused, and copies are found under any name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.datasets import augment
from tinygen.datasets.assemble import assemble
from tinygen.datasets.leaks import find_leaks, near_duplicates, same_content
from tinygen.datasets.load import load_dataset
from tinygen.datasets.signal import to_int16
from tinygen.datasets.split import split
from tinygen.datasets.values import Dataset, Int16, Recording, Split


def tone(number: int, samples: int = 4000) -> Int16:
    """A chirp of its own for each number, with some noise."""
    rng = np.random.default_rng(number)
    t = np.arange(samples) / 16000
    wave = np.sin(2 * np.pi * (rng.uniform(200, 2000) * t + rng.uniform(-4000, 4000) * t * t)) * np.hanning(samples)
    knots = np.interp(np.arange(samples), np.linspace(0, samples, 9), rng.uniform(0.1, 1.0, 9))
    return to_int16(9000 * wave * knots + rng.normal(0, 60, samples))[:, None]


def recording(number: int, group: str, label: str, side: str = "") -> Recording:
    name = f"{label}/{group}-{number}"
    return Recording(signal=tone(number), rate_hz=16000, label=label, group=group, name=name, side=side)


def dataset(recordings: list[Recording], kind: str = "speaker") -> Dataset:
    return assemble(
        name="set", recordings=recordings, synthetic=False, licence="MIT", source="test", group_kind=kind
    )  # fmt: skip


def people(sides: dict[str, str]) -> list[Recording]:
    return [
        recording(10 * p + i, person, label, sides[person])
        for p, person in enumerate(sides)
        for i, label in enumerate(("no", "yes"))
    ]


def test_the_data_sets_own_sides_hold() -> None:
    made = split(dataset(people({"ann": "train", "bob": "validation", "eve": "test"})), 1)
    assert [{r.group for r in side} for side in (made.train, made.validation, made.test)] == [{"ann"}, {"bob"}, {"eve"}]


def test_validation_is_taken_from_the_training_side_by_whole_groups() -> None:
    sides = {f"p{i}": "train" for i in range(6)} | {"q": "test"}
    made = split(dataset(people(sides)), 1)
    assert {r.group for r in made.test} == {"q"}
    assert made.validation
    assert not {r.group for r in made.validation} & {r.group for r in made.train}


@pytest.mark.parametrize("kind", ["speaker", "bearing", "person"])
def test_a_group_on_two_sides_is_refused(kind: str) -> None:
    leaking = people({"ann": "train", "bob": "validation", "eve": "test"})
    leaking.append(recording(99, "ann", "yes", "test"))
    with pytest.raises(TinygenError, match=f"the split leaks: {kind} 'ann' is on the sides train and test") as caught:
        split(dataset(leaking, kind), 1)
    assert caught.value.code is ExitCode.BAD_INPUT


def test_the_same_samples_on_two_sides_are_refused_under_any_name() -> None:
    leaking = people({"ann": "train", "bob": "validation", "eve": "test"})
    leaking.append(replace(recording(0, "zoe", "yes", "test"), rate_hz=16000))
    with pytest.raises(TinygenError, match="hold the very same samples"):
        split(dataset(leaking), 1)


def test_a_side_for_some_recordings_only_is_refused() -> None:
    with pytest.raises(TinygenError, match="some recordings only"):
        split(dataset(people({"ann": "train", "bob": "test", "eve": ""})), 1)


def test_drawn_sides_keep_groups_that_share_a_recording_together() -> None:
    recordings = people({f"p{i:02d}": "" for i in range(12)})
    copy = replace(recordings[0], group="p11", name="yes/copy")
    for seed in range(8):
        made = split(dataset([*recordings, copy]), seed)
        assert find_leaks(made, "speaker") == ()
        homes = [side for side in (made.train, made.validation, made.test) if {"p00", "p11"} & {r.group for r in side}]
        assert len(homes) == 1


def test_leaks_name_both_recordings() -> None:
    a, b = recording(1, "ann", "yes"), replace(recording(1, "bob", "yes"), name="yes/other")
    found = find_leaks(Split(train=(a,), validation=(), test=(b,)), "speaker")
    assert [(leak.what, leak.first, leak.second) for leak in found] == [("content", a.name, "yes/other")]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: to_int16(x * 0.4),
        lambda x: np.concatenate([x[150:], np.zeros_like(x[:150])]),
        lambda x: augment.add_white(x, np.random.default_rng(5), 35.0, 35.0),
    ],
    ids=["level", "moved", "noise"],
)
def test_most_changed_copies_are_found_and_strangers_are_not(change: Callable[[Int16], Int16]) -> None:
    originals = [recording(i, f"g{i}", "yes") for i in range(40)]
    copies = [replace(r, signal=change(r.signal), name=f"copy-{i}") for i, r in enumerate(originals)]
    pairs = {(p.first.name, p.second.name) for p in near_duplicates([*originals, *copies])}
    wanted = {(r.name, f"copy-{i}") for i, r in enumerate(originals)}
    assert pairs <= wanted
    assert len(pairs & wanted) >= 30


def test_recordings_that_never_change_are_no_copies_of_each_other() -> None:
    flat = [replace(recording(i, f"g{i}", "_silence_"), signal=np.zeros((100, 1), np.int16)) for i in range(3)]
    assert same_content(flat) == ()
    assert near_duplicates(flat) == ()


def write(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), tone(number), 16000, subtype="PCM_16")


def test_speech_commands_lists_are_its_sides(tmp_path: Path) -> None:
    for number, (word, speaker) in enumerate([(w, s) for w in ("no", "yes") for s in ("aa", "bb", "cc", "dd")]):
        write(tmp_path / word / f"{speaker}_nohash_0.wav", number)
    (tmp_path / "validation_list.txt").write_text("no/cc_nohash_0.wav\nyes/cc_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("no/dd_nohash_0.wav\nyes/dd_nohash_0.wav\n")
    made = split(load_dataset("kws", tmp_path, tmp_path / "cache", 1), 1)
    assert [sorted({r.group for r in s}) for s in (made.train, made.validation, made.test)] == [
        ["aa", "bb"], ["cc"], ["dd"],
    ]  # fmt: skip
    (tmp_path / "testing_list.txt").write_text("no/dd_nohash_0.wav\nyes/aa_nohash_0.wav\n")
    with pytest.raises(TinygenError, match="speaker 'aa' is on the sides train and test"):
        split(load_dataset("kws", tmp_path, tmp_path / "cache", 1), 1)


def test_index_names_sides_and_positions(tmp_path: Path) -> None:
    rows = ["file,bearing,side,position"]
    for number, side in enumerate(("train", "train", "validation", "test")):
        for label in ("healthy", "worn"):
            write(tmp_path / label / f"{number}.wav", 2 * number + (label == "worn"))
            rows.append(f"{label}/{number}.wav,b{number},{side},{number / 4}")
    (tmp_path / "index.csv").write_text("\n".join(rows))
    made = load_dataset("vibration", tmp_path, tmp_path / "cache", 1)
    assert made.group_kind == "bearing"
    assert {r.position for r in made.recordings} == {0.0, 0.25, 0.5, 0.75}
    assert {r.group for r in split(made, 1).test} == {"b3"}
    (tmp_path / "index.csv").write_text("\n".join([*rows[:-1], "worn/3.wav,b3,exam,0"]))
    with pytest.raises(TinygenError, match="side 'exam'"):
        load_dataset("vibration", tmp_path, tmp_path / "cache", 1)
