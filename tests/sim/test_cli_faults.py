"""Things go wrong in the middle: one clear error, the documented exit code, and the next run works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sim, pytest.mark.slow]

SMALL = ("--task", "gesture", "--board", "host", "--epochs", "1", "--offline")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "tinygen", *words]


def tinygen(*words: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(*words),
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None]) -> Path:
    """A folder in which the gesture model is trained and converted."""
    for module in ("tensorflow", "tflite_micro"):
        needs_module(module, "all")
    folder = tmp_path_factory.mktemp("faults")
    done = tinygen("convert", *SMALL[:2], "--epochs", "1", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def leftovers(folder: Path) -> list[str]:
    """Temporary files that an interrupted step would leave."""
    return [str(path) for path in folder.rglob("*.tmp")]


def default_interrupt() -> None:
    """A shell starts background jobs with SIGINT ignored, and children inherit that: CI is such a job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("moment", ["", "simulating people", "features of", "training:"])
def test_ctrl_c_at_any_moment(tmp_path: Path, needs_module: Callable[..., None], moment: str) -> None:
    needs_module("tensorflow", "train")
    words = command("convert", "--task", "gesture", "--epochs", "40")
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        preexec_fn=default_interrupt,  # noqa: PLW1509 - this process has no other thread
    ) as child:
        assert child.stderr is not None
        said = ""
        if moment:
            for line in child.stderr:
                said += line
                if moment in line:
                    break
            assert moment in said, said
        else:
            time.sleep(0.4)
        child.send_signal(signal.SIGINT)
        said += child.communicate(timeout=120)[1]
    if not moment and child.returncode == -signal.SIGINT:
        return  # the interpreter itself was still starting
    assert child.returncode == 130, said
    assert "Traceback" not in said
    assert "interrupted" in said
    assert not leftovers(tmp_path)
    assert not list((tmp_path / "build" / "steps").glob("convert-*")) if (tmp_path / "build").exists() else True


@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.6, 3.0])
def test_impatient_ctrl_c_ends_as_one_does(tmp_path: Path, after_s: float) -> None:
    words = command("monitor", "--board", "nucleo_f446re", "--on", "loop://")  # greets nobody, for seconds
    with subprocess.Popen(
        words,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_interrupt,  # noqa: PLW1509 - this process has no other thread
    ) as child:
        time.sleep(after_s)
        for _ in range(3):
            child.send_signal(signal.SIGINT)
            time.sleep(0.002)
        said = child.communicate(timeout=60)[1]
    assert "Traceback" not in said or after_s == 0.05  # before our first line runs, the interpreter speaks
    # Ctrl-C is how a monitor that listens ends in order; how far it has come by then depends on the machine.
    assert child.returncode in (0, 130) or (after_s == 0.05 and child.returncode in (-signal.SIGINT, 1)), said


def test_a_model_that_does_not_fit_names_the_step_and_what_would_help(trained: Path) -> None:
    done = tinygen("compile", *SMALL[:2], "--epochs", "1", "--board", "nucleo_f401re", "--ram", "1K", cwd=trained)
    assert done.returncode == 2
    assert "the budget allows 1,024" in done.stderr
    assert "peaks at step" in done.stderr
    assert "hint:" in done.stderr


def test_no_toolchain_is_said_before_anything_is_built(trained: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    start = time.monotonic()
    done = tinygen(
        *("build", "--task", "gesture", "--epochs", "1", "--board", "feather_f405", "--offline"),
        cwd=trained,
        env={"PATH": str(empty)},
    )
    assert done.returncode == 3
    assert "gcc-arm-none-eabi" in done.stderr
    assert time.monotonic() - start < 30


def test_flash_without_a_board(trained: Path) -> None:
    done = tinygen("flash", "--task", "gesture", "--epochs", "1", "--board", "nucleo_f401re", "--offline", cwd=trained)
    assert done.returncode == 4
    assert "no nucleo_f401re found on USB" in done.stderr
    dry = tinygen(
        *("flash", "--task", "gesture", "--epochs", "1", "--board", "nucleo_f401re", "--offline", "--dry-run"),
        *("--port", "/dev/ttyACM9"),
        cwd=trained,
    )
    assert dry.returncode == 0, dry.stderr
    assert "platformio" in dry.stdout


@pytest.fixture
def port() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal nobody answers on: (our end, the name of the other)."""
    if os.name != "posix":
        pytest.skip("pseudo-terminals are POSIX")
    import pty

    ours, theirs = pty.openpty()
    yield ours, os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_a_silent_port(trained: Path, port: tuple[int, str]) -> None:
    done = tinygen("monitor", "--board", "nucleo_f446re", "--port", port[1], "--seconds", "1", cwd=trained)
    assert done.returncode == 4
    assert port[1] in done.stderr
    assert "hint:" in done.stderr


def test_a_simulator_is_watched_too(trained: Path) -> None:
    toml = trained / "tinygen.toml"
    toml.write_text('task = "gesture"\nboard = "host"\nepochs = 1\n')
    words = ("monitor", "--on", "host", "--offline", "--seconds", "1", "--log", "seen/device.log", "--json")
    done = tinygen(*words, cwd=trained)
    toml.unlink()
    assert done.returncode == 0, done.stderr
    assert "info    tinygen is ready" in done.stderr
    assert "host: task gesture, engine aot, build " in done.stderr
    assert "\x1b" not in done.stderr
    assert "tinygen is ready" in (trained / "seen" / "device.log").read_text()
    assert json.loads(done.stdout)["kind"] == "monitor"


def test_a_port_that_is_not_there(trained: Path) -> None:
    done = tinygen("monitor", "--board", "nucleo_f446re", "--port", "/dev/ttyNOSUCH", cwd=trained)
    assert done.returncode == 4
    assert "/dev/ttyNOSUCH" in done.stderr


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_leaves_nothing_half_written(trained: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this system does not allow mounting a small file system")
    try:
        done = tinygen("convert", "--task", "gesture", "--epochs", "1", "--build-dir", str(small), cwd=trained)
        assert done.returncode == 3
        assert "No space left" in done.stderr
        assert not leftovers(small)
        assert not list(small.rglob("inputs.json"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_exported_vectors_replace_the_oracle(trained: Path) -> None:
    first = tinygen("verify", *SMALL, "--on", "host", "--vectors", "5", "--export-vectors", "v.npz", cwd=trained)
    assert first.returncode == 0, first.stderr
    # Another machine: no recordings, nothing trained, no TensorFlow and no TFLM wheel.
    (trained / "elsewhere").mkdir()
    without = (
        "import sys; sys.modules.update(tensorflow=None, tflite_micro=None); from tinygen.__main__ import main; main()"
    )
    words = ["verify", "--board", "host", "--on", "host", "--offline", "--vectors-file", "../v.npz", "--json"]
    second = subprocess.run(
        [sys.executable, "-c", without, *words], cwd=trained / "elsewhere", capture_output=True, text=True, check=False
    )
    assert second.returncode == 0, second.stderr
    found = json.loads(second.stdout)
    assert "exported vectors" in found["oracle"]
    assert (found["vectors"], found["differing_bytes"]) == (5, 0)
    data = bytearray((trained / "v.npz").read_bytes())
    (trained / "cut.npz").write_bytes(data[: len(data) // 2])
    broken = tinygen("verify", *SMALL, "--on", "host", "--vectors-file", "cut.npz", cwd=trained)
    assert broken.returncode == 2
    assert "cut.npz" in broken.stderr
