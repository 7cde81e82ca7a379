"""The threshold of evaluate-stream, carried into tinygen.toml and into the rule of the firmware."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tinygen.config import load_config, template
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.pipeline.carrying import with_stream_threshold, write_threshold
from tinygen.tasks import thresholds
from tinygen.tasks.spec import StreamPlan
from tinygen.tasks.stream import rule_of

FILES = {
    "none": 'task = "kws"\n',
    "no end of line": 'task = "kws"',
    "the template": template("kws", "host"),
    "last": 'task = "kws"\n[stream]\nthreshold = 5 # mine\n',
    "among others": '[stream] # here\n# threshold = 1\n  threshold=7\n\n[budget]\nram = "8K"\n',
    "empty": "[stream]\n[budget]\nram = 8192\n",
    "at the end": 'task = "kws"\n[stream]',
}


@pytest.mark.parametrize("name", list(FILES))
def test_only_the_threshold_changes(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text(FILES[name])
    assert write_threshold(path, 612) == path
    before, after = tomllib.loads(FILES[name]), tomllib.loads(path.read_text())
    assert after == {**before, "stream": {"threshold": 612}}
    assert load_config(path, {}, tmp_path).event_threshold == 612
    assert [line for line in FILES[name].splitlines() if "#" in line and line.startswith("# ")] == [
        line for line in path.read_text().splitlines() if "#" in line and line.startswith("# ")
    ]
    write_threshold(path, 613)
    assert path.read_text() == with_stream_threshold(path.read_text(), 613)
    assert path.read_text().count("613") == 1


@pytest.mark.parametrize("text", ["stream = { threshold = 3 }\n", "stream.threshold = 3\n"])
def test_what_is_written_otherwise_is_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "tinygen.toml"
    path.write_text(text)
    with pytest.raises(TinygenError, match="write it yourself") as caught:
        write_threshold(path, 9)
    assert caught.value.code == ExitCode.BAD_INPUT
    assert path.read_text() == text
    with pytest.raises(TinygenError, match="to write into"):
        write_threshold(None, 9)


def test_a_threshold_reaches_the_rule() -> None:
    rule = rule_of(
        StreamPlan(smoothing=3, threshold=0.8, release=0.4), labels=("a", "b"), rate_hz=100, window_rows=4, hop_rows=1
    )
    assert thresholds.carried(rule, None) == rule
    carried = thresholds.carried(rule, 500)
    assert (carried.threshold, carried.release) == (500, 500 * rule.release // rule.threshold)
    with pytest.raises(TinygenError, match="end at 765"):
        thresholds.carried(rule, 765)


def test_the_command_line_and_its_words(tmp_path: Path) -> None:
    config = load_config(None, {"stream.threshold": 300}, tmp_path)
    assert config.event_threshold == 300
    assert config.words()[-2:] == ("--event-threshold", "300")
    assert config.file is None
    with pytest.raises(TinygenError, match="--event-threshold"):
        load_config(None, {"stream.threshold": -1}, tmp_path)
