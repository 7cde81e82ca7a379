"""Every mistake is one clear error with its documented exit code; documents on standard output stay documents."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console

from tinygen import cli
from tinygen.cli import output
from tinygen.core.errors import ExitCode
from tinygen.pipeline import catalogue

README = Path(__file__).parents[2] / "README.md"


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture
def tinygen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Ended]:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["tinygen", *words])
        monkeypatch.setattr(output, "people", Console(file=sys.stderr, highlight=False, width=200))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return call


def test_boards_lists_the_boards_of_the_mission(tinygen: Callable[..., Ended]) -> None:
    ended = tinygen("boards", "--json")
    names = {row["board"] for row in json.loads(ended.out)["boards"]}
    assert ended.code == 0
    assert {"esp32s3", "feather_f405", "nucleo_f446re", "nucleo_f401re", "disco_f407vg", "host"} <= names


def test_an_alias_finds_its_board_and_its_sources_are_shown(tinygen: Callable[..., Ended]) -> None:
    ended = tinygen("boards", "esp32-s3-devkitc-1")
    assert ended.code == 0
    assert "esp32s3" in ended.out
    assert "sources" in ended.out
    assert not ended.err


def test_show_tells_clock_tree_led_watchdog_and_unique_id(tinygen: Callable[..., Ended]) -> None:
    ended = tinygen("boards", "show", "nucleo_h743zi")
    for said in ("clock fed in 8 MHz / 4 x 400 / 2, bus 200", "PB0", "dwt", "0x58004800", "0x1FF1E800", "RM0433"):
        assert said in ended.out


def test_results_are_on_standard_output_progress_is_not(tinygen: Callable[..., Ended]) -> None:
    for words in (("boards",), ("datasets",), ("datasets", "show", "--task", "gesture"), ("doctor", "--offline")):
        ended = tinygen(*words)
        assert ended.out.startswith(("boards", "dataset", "doctor"))
        assert "\u2713 " not in ended.err


@pytest.mark.parametrize("verb", ["build", "flash", "verify", "run"])
def test_a_dry_run_makes_nothing_and_runs_nothing(
    tinygen: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.setattr("subprocess.Popen", None)
    monkeypatch.setattr("tinygen.toolchain.setup._wrapped_compiler", lambda ref: ("", ""))
    port = ("--port", "/dev/ttyACM9") if verb == "flash" else ()
    ended = tinygen(verb, "--task", "gesture", "--board", "nucleo_f446re", "--offline", "--dry-run", *port)
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    train = " --model train" if verb == "run" else ""
    assert lines[0] == f"tinygen generate --task gesture --board nucleo_f446re{train} --offline"
    assert "platformio run" in lines[1]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_repeats_what_was_asked_for(tinygen: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygen.toolchain.setup._wrapped_compiler", lambda ref: ("", ""))
    own = ("--seed", "3", "--epochs", "2", "--optimize", "size", "--kernel", "CONV_2D=int8_generic", "--ram", "64K")
    ended = tinygen("verify", "--dry-run", *own, "--mode", "raw", "--vectors", "7", "--offline", "--build-dir", "b")
    first, *_, last = ended.out.splitlines()
    for option, value in zip(own[::2], own[1::2], strict=True):
        assert f"{option} {value}" in first
        assert f"{option} {value}" in last
    assert "--vectors" not in first
    assert "--model" not in first
    assert "--model train" in tinygen("run", "--dry-run", "--offline").out.splitlines()[0]
    for words in ("--vectors 7", "--mode raw", "--build-dir b", "--on qemu", "--offline"):
        assert words in last


def test_a_board_without_renode_is_refused_before_anything_is_written(
    tinygen: Callable[..., Ended], tmp_path: Path
) -> None:
    ended = tinygen("generate", "--board", "nucleo_f401re", "--renode", "-o", "project")
    assert ended.code == 2
    assert "nucleo_f767zi" in ended.err
    assert not (tmp_path / "project").exists()


def test_the_table_of_verbs_has_every_verb() -> None:
    table = {
        word for line in README.read_text().splitlines() if line.startswith("| `") for word in line.split("`")[1::2]
    }
    assert {verb for verb in cli.cli.commands if not {verb, f"{verb} list", f"{verb} [MODEL]"} & table} == set()


def test_a_value_of_the_command_line_is_not_blamed_on_the_file(tinygen: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "tinygen.toml").write_text('task = "kws"\n')
    ended = tinygen("run", "--epochs", "0")
    assert "command line" in ended.err
    assert "--epochs" in ended.err
    assert "tinygen.toml" not in ended.err
    (tmp_path / "tinygen.toml").write_text("seed = -1\nbudget = 3\n")
    ended = tinygen("compile", "--ram", "much")
    assert "budget" in ended.err
    assert "seed" in ended.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("compile", "--board", "nucleo_f446"), 2, "did you mean 'nucleo_f446re'"),
        (("run", "--task", "gestre"), 2, "did you mean 'gesture'"),
        (("run", "--board", "nope"), 2, "unknown board 'nope'"),
        (("run", "--board", "nucleo_f446re", "--on", "qemu"), 2, "does not run on 'qemu'"),
        (("verify", "--on", "nope"), 2, "unknown target 'nope'"),
        (("verify", "--board", "nucleo_f446re", "--on", "/dev/ttyNOPE"), 4, "no such port"),
        (("run", "--board", "nucleo_f446re", "--on", "/dev/ttyNOPE"), 4, "no such port"),
        (("flash", "--board", "nucleo_f446re", "--port", "/dev/ttyNOPE"), 4, "no such port"),
        (("monitor", "--board", "nucleo_f446re", "--port", "/dev/null", "--on", "/dev/tty"), 2, "name the port once"),
        (("profile", "--compare", "nothing.json"), 2, "nothing.json: cannot be read"),
        (("compile", "x.tflite", "--verify", "nope"), 2, "--verify: unknown target"),
        (("run", "--engine", "glow"), 2, "engine"),
        (("train", "--data", "nowhere"), 2, "nowhere"),
        (("compile", "absent.tflite"), 2, "absent.tflite"),
        (("run", "--epochs", "0"), 2, "epochs"),
        (("compile", "--ram", "much"), 2, "is no size"),
        (("flash", "--board", "host"), 2, "nothing to flash"),
        (("frobnicate",), 2, "frobnicate"),
        (("verify", "--vectors", "many"), 2, "many"),
        (("run", "--config", "absent.toml"), 2, "absent.toml"),
        (("report", "--board", "host"), 2, "tinygen run"),
        (("init", "--task", "nope"), 2, "command line"),
        (("train", "--data", "a\0b"), 2, "--data"),
        (("train", "--build-dir", ""), 2, "--build-dir"),
        (("generate", "-o", "/dev/null"), 2, "is no folder"),
        (("generate", "--ci", "github", "--renode"), 2, "three different things"),
        (("run", "--on", "host"), 2, "--board host"),
        (("boards", "new", "host", "--chip", "stm32f446re"), 2, "there is a board 'host' already"),
        (("boards", "new", "pc", "--chip", "stm32f446re"), 2, "another name of host"),
    ],
)
def test_mistakes(tinygen: Callable[..., Ended], words: tuple[str, ...], code: int, said: str) -> None:
    ended = tinygen(*words)
    assert ended.code == code
    assert said in ended.err
    assert ended.out == ""
    assert not Path("build", "steps").exists(), "nothing is made before names are checked"


def test_an_error_is_a_document_too(tinygen: Callable[..., Ended]) -> None:
    ended = tinygen("boards", "nucleo", "--json")
    assert ended.code == ExitCode.BAD_INPUT
    assert json.loads(ended.out)["error"]["code"] == 2


def test_init_writes_once_and_never_over_something(tinygen: Callable[..., Ended], tmp_path: Path) -> None:
    assert tinygen("init", "--task", "kws", "--board", "disco_f407vg").code == 0
    text = (tmp_path / "tinygen.toml").read_text()
    assert 'task = "kws"' in text
    assert tinygen("init").code == ExitCode.BAD_INPUT
    assert (tmp_path / "tinygen.toml").read_text() == text
    assert tinygen("init", "--board", "no_such_board", "--force").code == ExitCode.BAD_INPUT
    assert (tmp_path / "tinygen.toml").read_text() == text


@pytest.mark.parametrize("content", [b"", b"\x00" * 64, b"TFL3" * 40, b"\x1c\x00\x00\x00TFL3" + b"\xff" * 200])
def test_a_corrupt_model_is_named(tinygen: Callable[..., Ended], tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.tflite").write_bytes(content)
    ended = tinygen("compile", "broken.tflite", "--board", "host")
    assert ended.code == ExitCode.BAD_INPUT
    assert "broken.tflite" in ended.err


def test_a_truncated_recording_is_named(tinygen: Callable[..., Ended], tmp_path: Path) -> None:
    for label in ("yes", "no"):
        (tmp_path / "clips" / label).mkdir(parents=True)
    (tmp_path / "clips" / "yes" / "a.wav").write_bytes(b"RIFF\x24\x00\x00\x00WAVEfmt ")
    (tmp_path / "clips" / "no" / "b.wav").write_bytes(b"RIFF")
    ended = tinygen("datasets", "show", "--task", "kws", "--data", "clips")
    assert ended.code == ExitCode.BAD_INPUT
    assert ".wav" in ended.err


def test_an_interruption_is_said_and_has_its_code(
    tinygen: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "show", interrupt)
    ended = tinygen("boards")
    assert ended.code == ExitCode.INTERRUPTED
    assert "interrupted" in ended.err


def test_being_terminated_is_an_interruption(tinygen: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "show", lambda *_: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert tinygen("boards").code == ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def test_our_own_bug_is_no_traceback_but_a_file(tinygen: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(catalogue, "show", fail)
    ended = tinygen("boards")
    assert ended.code == ExitCode.OUR_BUG
    assert "RuntimeError: odd" in ended.err
    assert "tinygen-" in ended.err


def test_a_full_disk_is_a_tool_failure(tinygen: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "build/x")

    monkeypatch.setattr(catalogue, "show", full)
    ended = tinygen("boards")
    assert ended.code == ExitCode.TOOL_FAILED
    assert "No space left" in ended.err


def test_devices_lists_the_map_and_names_its_mistakes(tinygen: Callable[..., Ended], tmp_path: Path) -> None:
    entry = '[[device]]\nname = "far"\nboard = "esp32s3"\nport = "socket://127.0.0.1:9"\n'
    (tmp_path / "devices.toml").write_text(entry)
    ended = tinygen("devices", "--json")
    assert ended.code == 0
    rows = json.loads(ended.out)["devices"]
    assert [(row["device"], row["boards"]) for row in rows if row["device"]] == [("far", ["esp32s3"])]
    (tmp_path / "devices.toml").write_text(entry.replace("esp32s3", "esp32s4"))
    ended = tinygen("devices")
    assert ended.code == 2
    assert "did you mean 'esp32s3'" in ended.err
    assert "devices.toml" in ended.err


def test_a_missing_choice_names_the_choices_in_one_line(tinygen: Callable[..., Ended]) -> None:
    ended = tinygen("learn")
    assert ended.code == ExitCode.BAD_INPUT
    first, hint = ended.err.strip().splitlines()
    assert first.endswith("ACTION is missing: status, learn, freeze, keep, forget, save, load")
    assert hint.strip() == "hint: tinygen learn --help"
