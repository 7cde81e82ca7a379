"""Files are the old ones or the new ones; steps are redone exactly when something changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from tinygen.core import canonical, files
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.store import Store


def test_write_if_changed_leaves_identical_files_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    assert files.write_if_changed(path, b"one")
    stamp = path.stat().st_mtime_ns
    assert not files.write_if_changed(path, b"one")
    assert path.stat().st_mtime_ns == stamp
    assert files.write_if_changed(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    files.write_atomic(path, b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TinygenError, match="No space left") as caught:
        files.write_atomic(path, b"new")
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_write_tree_makes_the_folder_hold_exactly_the_files(tmp_path: Path) -> None:
    files.write_tree(tmp_path, {"src/a.cpp": b"a", "src/b.cpp": b"b"})
    (tmp_path / ".pio" / "build").mkdir(parents=True)
    (tmp_path / ".pio" / "build" / "x.o").write_bytes(b"x")
    (tmp_path / "stale").mkdir()
    (tmp_path / "stale" / "c.cpp").write_bytes(b"c")
    assert files.write_tree(tmp_path, {"src/a.cpp": b"a"}, keep=(".pio",)) == 2
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()) == [
        ".pio/build/x.o",
        "src/a.cpp",
    ]


def test_an_interrupted_directory_vanishes(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), files.building_directory(tmp_path / "result") as folder:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_store_redoes_a_step_only_when_its_inputs_change(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def make(folder: Path) -> None:
        calls.append(folder)
        (folder / "result").write_text(str(len(calls)))

    first = store.step("train", {"seed": 1}, make)
    again = store.step("train", {"seed": 1}, make)
    other = store.step("train", {"seed": 2}, make)
    assert (first.reused, again.reused, other.reused) == (False, True, False)
    assert first.path == again.path != other.path
    assert (first.path / "result").read_text() == "1"
    assert len(calls) == 2


def test_store_keeps_nothing_of_a_step_that_failed(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.step("train", {}, fail)
    assert list(tmp_path.iterdir()) == []


def test_canonical_json_does_not_depend_on_order_or_number_types() -> None:
    one = canonical.canonical_json({"b": np.int32(3), "a": (1, 2.5), "s": "ü"})
    two = canonical.canonical_json({"a": [1, np.float64(2.5)], "s": "ü", "b": 3})
    assert one == two == '{"a":[1,2.5],"b":3,"s":"ü"}'


def test_in_a_folder_of_the_users_only_our_own_files_are_removed(tmp_path: Path) -> None:
    assert files.write_own(tmp_path, {"src/a.cpp": b"a", "src/b.cpp": b"b", "old/c.h": b"c"}) == 3
    (tmp_path / "src" / "mine.cpp").write_text("mine")
    (tmp_path / ".tinygen-files").open("a").write("../outside\n/etc/passwd\n")
    (tmp_path.parent / "outside").write_text("stays")
    assert files.write_own(tmp_path, {"src/a.cpp": b"new"}) == 3
    assert (tmp_path / "src" / "mine.cpp").read_text() == "mine"
    assert (tmp_path.parent / "outside").exists()
    assert not (tmp_path / "src" / "b.cpp").exists()
    assert not (tmp_path / "old").exists()
    assert files.write_own(tmp_path, {"src/a.cpp": b"new"}) == 0


def test_digest_tells_arrays_apart_by_type_and_shape() -> None:
    zeros = np.zeros(4, np.int8)
    assert canonical.digest(zeros) != canonical.digest(zeros.reshape(2, 2))
    assert canonical.digest(zeros) != canonical.digest(zeros.astype(np.uint8))
    assert canonical.digest(zeros) == canonical.digest(np.zeros(4, np.int8))


def test_digest_tree_sees_names_and_contents_but_not_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "a.py").write_text("1")
    before = canonical.digest_tree([tmp_path / "room"])
    (tmp_path / "room" / ".hidden").write_text("x")
    assert canonical.digest_tree([tmp_path / "room"]) == before
    (tmp_path / "room" / "a.py").rename(tmp_path / "room" / "b.py")
    assert canonical.digest_tree([tmp_path / "room"]) != before


@pytest.mark.skipif(os.name != "posix", reason="named pipes are POSIX")
def test_a_pipe_or_device_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.write_atomic(pipe, b"bytes")
        assert os.read(reader, 10) == b"bytes"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
