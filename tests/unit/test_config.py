"""tinygen.toml: everything wrong is said at once, the command line wins, paths start where people expect."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tinygen.config import load_config, parse_bytes, template
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.features.spec import LogMelSpec, samples_per_inference
from tinygen.tasks import front_end


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


def _features(tmp_path: Path, task: str, table: str) -> Mapping[str, object]:
    path = tmp_path / "tinygen.toml"
    path.write_text(f'task = "{task}"\n[features]\n{table}\n')
    return load_config(path, {}, tmp_path).features


def test_constants_of_the_front_end(tmp_path: Path) -> None:
    table = 'hop_samples = 160\nupper_hz = 7000\nenable_noise_reduction = true\ninput_formula = "micro_speech"'
    found = _features(tmp_path, "kws", table)
    assert found == {
        "hop_samples": 160, "upper_hz": 7000.0, "enable_noise_reduction": True, "input_formula": "micro_speech",
    }  # fmt: skip
    assert type(found["upper_hz"]) is float
    assert _features(tmp_path, "gesture", 'gravity = "level"') == {"gravity": "level"}
    assert _features(tmp_path, "vibration", "n_bands = 8\nstatistics = false") == {"n_bands": 8, "statistics": False}


@pytest.mark.parametrize(
    ("task", "table", "words"),
    [
        ("kws", "n_band = 32", "did you mean 'n_bands'"),
        ("gesture", "n_bands = 32", "gesture has no such constant"),
        ("kws", "n_bands = 32.5", "n_bands: Input should be a valid integer, got 32.5"),
        ("kws", "n_bands = true", "n_bands: Input should be a valid integer"),
        ("kws", 'enable_pcan = "yes"', "enable_pcan: Input should be a valid boolean"),
        ("kws", "rate_hz = 8000", "rate_hz: is what the recordings have"),
        ("kws", "upper_hz = 9000", "upper_hz <= 8000"),
        ("kws", "enable_noise_reduction = false\nenable_pcan = true", "needs enable_noise_reduction"),
        ("kws", "lead_in_frames = 5000", "lead_in_frames must be in 0..4096"),
        ("kws", "hop_samples = 0", "hop_samples must be in 1..window_samples"),
        ("kws", 'input_formula = "scales"', "Input should be 'scale' or 'micro_speech'"),
        ("gesture", 'gravity = "up"', "Input should be 'keep', 'remove' or 'level'"),
    ],
)
def test_wrong_constants_of_the_front_end_are_named(tmp_path: Path, task: str, table: str, words: str) -> None:
    with pytest.raises(TinygenError) as caught:
        _features(tmp_path, task, table)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert words in str(caught.value)
    assert "[features]" in str(caught.value)


def test_all_wrong_constants_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(TinygenError) as caught:
        _features(tmp_path, "kws", "n_band = 3\nhop = 2\nrate_hz = 8000")
    assert all(f"{name}:" in str(caught.value) for name in ("n_band", "hop", "rate_hz"))


@pytest.mark.parametrize("task", ["kws", "vibration", "gesture"])
def test_the_template_names_every_constant_with_its_default(tmp_path: Path, task: str) -> None:
    text = template(task, "host")
    head, _, rest = text.partition("# [features]")
    lines = rest.split("\n\n")[0].splitlines()[1:]
    table = "\n".join(line.removeprefix("# ") for line in lines)
    assert _features(tmp_path, task, table) == front_end.constants(task)
    assert len(lines) >= 5
    assert head


def test_a_changed_hop_looks_at_as_much_of_the_signal() -> None:
    usual = LogMelSpec()
    finer = front_end.with_constants(usual, {"hop_samples": 160})
    assert (usual.n_frames, finer.n_frames) == (49, 97)
    assert samples_per_inference(finer) == samples_per_inference(usual)
    assert front_end.with_constants(usual, {"hop_samples": 160, "n_frames": 30}).n_frames == 30
