"""Runs are kept by what they say: nothing is overwritten, nothing of this machine is in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tinygen.cli import cli
from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.core.values import Measurement, Report
from tinygen.pipeline import runs
from tinygen.pipeline.context import Context


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(config=load_config(None, {"board": "host", "build_dir": str(tmp_path / "made" / "build")}, tmp_path))


def found(ctx: Context, accuracy: float, seed: int = 1, seconds: float = 3.0) -> list[Report]:
    elf = ctx.config.build_dir / "projects" / "x" / "firmware.elf"
    return [
        Report(
            kind="convert",
            subject={"task": "gesture", "elf": str(elf), "redone": "yes", "page": str(elf)},
            measurements=(
                Measurement(name="int8_accuracy", value=accuracy, unit="ratio", origin="measured-in-tflm-interpreter"),
                Measurement(name="elapsed_s", value=seconds, unit="s", origin="measured-on-host"),
            ),
            notes=(f"see {elf}", "an offset of 3/4", "http://a.example/b/c"),
            details={"seed": seed, "signal": "/a/b/c+/d=="},
        )
    ]


def test_no_place_of_this_machine_is_told(ctx: Context) -> None:
    other = replace(found(ctx, 0.9)[0], tables=(), notes=("/opt/tools/bin/gcc -o /tmp/x.o", "3/4", "http://a/b/c"))
    for report in (found(ctx, 0.9)[0], other):
        text = runs.page_of([runs.portable(report, ctx)]).decode()
        assert str(ctx.config.build_dir.parent) not in text
        assert "/opt/tools" not in text
    plain = runs.portable(found(ctx, 0.9)[0], ctx)
    assert plain.subject["elf"] == "build/projects/x/firmware.elf"
    assert plain.notes[1:] == ("an offset of 3/4", "http://a.example/b/c")
    assert runs.portable(other, ctx).notes[0] == "gcc -o x.o"
    assert plain.details["signal"] == "/a/b/c+/d=="


def test_the_same_findings_are_one_run_and_others_never_replace_it(ctx: Context) -> None:
    first = runs.keep(ctx, found(ctx, 0.9), b"one")
    assert runs.keep(ctx, found(ctx, 0.9, seconds=99.0), b"later") == first
    assert (first / runs.PAGE).read_bytes() == b"one"
    second = runs.keep(ctx, found(ctx, 0.91), b"two")
    third = runs.keep(ctx, found(ctx, 0.9, seed=2), b"three")
    assert len({first, second, third}) == 3
    assert (first / runs.PAGE).read_bytes() == b"one"
    assert len(runs.listed(ctx).tables[0].rows) == 3


def test_runs_are_found_by_the_beginning_of_their_name(ctx: Context) -> None:
    first = runs.keep(ctx, found(ctx, 0.9), b"one")
    assert runs.find(ctx, first.name[:6]).name == first.name
    assert runs.find(ctx, str(first)).name == first.name
    with pytest.raises(TinygenError, match="no run 'zzz'"):
        runs.find(ctx, "zzz")
    (first / runs.FILE).write_text("{")
    with pytest.raises(TinygenError, match="no kept run"):
        runs.find(ctx, first.name)


def test_two_runs_are_compared_on_the_command_line(ctx: Context) -> None:
    a, b = (runs.keep(ctx, found(ctx, value, seed), b"page").name for value, seed in ((0.9, 1), (0.925, 2)))
    words = ["report", "--compare", a[:8], b[:8], "--board", "host", "--json"]
    ended = CliRunner().invoke(cli, [*words, "--build-dir", str(ctx.config.build_dir)])
    assert ended.exit_code == 0, ended.output
    document = json.loads(ended.stdout)
    assert document["different_inputs"] == ["seed"]
    row = next(row for row in document["tables"][1]["rows"] if row[1] == "INT8 accuracy")
    assert row[2:5] == ["0.9", "0.925", "+2.50 points"]
    assert (ctx.config.build_dir / f"compare-{a[:8]}-{b[:8]}.html").is_file()
