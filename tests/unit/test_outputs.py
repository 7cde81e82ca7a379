"""A place that cannot be written is the user's mistake (exit code 2), told before any work, by every verb."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from rich.console import Console

from tinygen import cli
from tinygen.cli import output, outputs
from tinygen.config import load_config
from tinygen.core import files
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.core.values import Check, CheckStatus, Report, Table
from tinygen.pipeline import learning_verb
from tinygen.pipeline.context import Context

# What verbs of several words need before their options are looked at.
ARGUMENTS = {"boards": ("new", "mine"), "datasets fetch": ("speech_commands",), "datasets import": ("x",)}
READS = {"--config", "--wav", "--from-wav", "--labels", "--elf", "--wakeword", "--vectors-file", "--compare", "--into"}
BOTH = {"--file"}  # written by one action, read by another


def verbs(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, (*words, name))
        else:
            yield (*words, name), command


def path_options() -> list[tuple[tuple[str, ...], str, click.Path]]:
    return [
        (words, option.opts[-1], option.type)
        for words, command in verbs(cli.cli)
        for option in command.params
        if isinstance(option, click.Option) and isinstance(option.type, click.Path)
    ]


WRITTEN = [(words, option, kind) for words, option, kind in path_options() if isinstance(kind, outputs.Output)]


def test_every_option_that_names_a_place_to_write_to_is_checked() -> None:
    unchecked = {option for _, option, kind in path_options() if not isinstance(kind, outputs.Output)}
    assert unchecked <= READS | BOTH
    assert {option for _, option, _ in WRITTEN} == {"--output", "--log", "--export-vectors"}
    assert len(WRITTEN) > 12


@pytest.fixture
def places(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "option", "kind"), WRITTEN, ids=[" ".join((*words, option)) for words, option, _ in WRITTEN]
)
def test_a_wrong_place_ends_every_verb_at_once(
    words: tuple[str, ...],
    option: str,
    kind: outputs.Output,
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(places)
    wrong = {"file/below": "lies below a file", "": "is empty", "a\0b": "is no name"}
    wrong |= {"file": "is no folder"} if kind.folder else {"folder": "is a folder, no file"}
    for path, why in wrong.items():
        given = (*words, *ARGUMENTS.get(" ".join(words), ()), option, path)
        monkeypatch.setattr(sys, "argv", ["tinygen", *given])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr().err
        assert ended.value.code == ExitCode.BAD_INPUT, said
        assert option in said
        assert why in said
    assert sorted(path.name for path in places.iterdir()) == ["file", "folder"]
    assert (places / "file").read_text() == "mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(places: Path) -> None:
    (places / "folder").chmod(0o555)
    assert "may not write" in files.unwritable(places / "folder" / "a" / "b", folder=False)


def test_a_place_is_tried_because_permissions_do_not_tell_all(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(**_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    assert files.unwritable(places / "folder" / "a" / "b", folder=True) == ""
    assert files.unwritable(Path("/dev/null"), folder=False) == ""
    assert list((places / "folder").iterdir()) == []
    monkeypatch.setattr("tinygen.core.files.tempfile.TemporaryFile", read_only)
    for path, folder in (("folder/new", True), ("folder/new/file", False), ("folder", True)):
        assert "Read-only file system" in files.unwritable(places / path, folder=folder)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "may not be written" in files.unwritable(places / "file", folder=False)


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EACCES, 2), (errno.EROFS, 2), (errno.ENOTDIR, 2), (errno.ENOSPC, 3), (errno.EIO, 3)],
)
def test_the_place_or_the_disk_is_to_blame(number: int, code: int) -> None:
    with pytest.raises(TinygenError, match=r"x: cannot write: ") as caught, files.writing(Path("x")):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code


def test_a_build_folder_below_a_file(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(places)
    monkeypatch.setattr(sys, "argv", ["tinygen", "train", "--task", "gesture", "--build-dir", "file/build"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == ExitCode.BAD_INPUT


def test_learned_state_is_not_fetched_for_a_file_that_cannot_be(places: Path) -> None:
    ctx = Context(config=load_config(None, {"board": "nucleo_f446re"}, places))
    with pytest.raises(TinygenError, match="is a folder, no file") as caught:
        learning_verb.learn(ctx, "save", "/dev/null", file=places / "folder")
    assert caught.value.code == ExitCode.BAD_INPUT


def test_paths_in_the_working_directory_are_told_as_one_would_type_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    here = Path.cwd()
    for given, told in (
        (f"written: {here}/build/a.html", "written: build/a.html"),
        (f"pio run -d '{here}/my build' -e x", "pio run -d 'my build' -e x"),
        (f"program {{{here}/x.elf}} verify", "program {x.elf} verify"),
        (f"{here.parent}/other/x", f"{here.parent}/other/x"),
        (f"/mnt{here}/x", f"/mnt{here}/x"),
        (str(here), str(here)),
    ):
        assert output.near(given) == told
    table = Table(title="t", columns=("a",), rows=((f"{here}/row",),))
    check = Check(name="c", status=CheckStatus.PASSED, reason=f"in {here}/log")
    report = Report(
        kind="build", subject={"elf": f"{here}/a.elf"}, checks=(check,), tables=(table,), notes=(f"{here}/note",),
        details={"path": here / "deep", "list": [{"x": f"{here}/y"}]},
    )  # fmt: skip
    output.emit(report, True)
    document = capsys.readouterr().out
    monkeypatch.setattr(output, "results", Console(file=sys.stdout, width=200))
    output.emit(report, False)
    shown = capsys.readouterr().out
    monkeypatch.setattr(output, "people", Console(file=sys.stdout, width=200))
    output.fail(TinygenError(ExitCode.BAD_INPUT, f"wrong: {here}/m", where=f"{here}/w", hint=f"see {here}/h"))
    told = capsys.readouterr().out
    assert str(here) not in document + shown + told
    assert json.loads(document)["list"] == [{"x": "y"}]
