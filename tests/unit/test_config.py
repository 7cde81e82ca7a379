"""tinygen.toml: everything wrong is said at once, the command line wins, paths start where people expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.config import load_config, parse_bytes, template
from tinygen.core.errors import ExitCode, TinygenError


def test_all_errors_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text('task = "gestures"\nseed = -3\nbord = "host"\n[budget]\nram = "lots"\n')
    with pytest.raises(TinygenError) as caught:
        load_config(path, {}, tmp_path)
    message = str(caught.value)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert "4 errors" in message
    assert "did you mean 'gesture'?" in message
    assert "did you mean 'board'?" in message
    assert "seed" in message
    assert "'lots' is no size" in message


def test_command_line_overrides_and_relative_paths(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "tinygen.toml").write_text('task = "kws"\ndata = "clips"\nvectors = 7\n[budget]\nram = "8K"\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    config = load_config(project / "tinygen.toml", {"task": "gesture", "budget.flash": "1M"}, elsewhere)
    assert (config.task, config.vectors) == ("gesture", 7)
    assert config.data == project / "clips"
    assert (config.ram_budget_bytes, config.flash_budget_bytes) == (8192, 2**20)
    assert load_config(project / "tinygen.toml", {"data": "mine"}, elsewhere).data == elsewhere / "mine"


@pytest.mark.parametrize("text", ["task = ", "\xff\xfe"])
def test_a_broken_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(TinygenError) as caught:
        load_config(path, {}, tmp_path)
    assert caught.value.code == ExitCode.BAD_INPUT


def test_the_template_of_init_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text(template("vibration", "host"))
    config = load_config(path, {}, tmp_path)
    assert (config.task, config.board, config.data) == ("vibration", "host", None)


@pytest.mark.parametrize(("text", "expected"), [("32K", 32768), ("1.5K", 1536), (7, 7), ("2MiB", 2**21), ("9", 9)])
def test_sizes(text: object, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "K", "-1", "0", 0, True, "3 apples"])
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_bytes(text)
