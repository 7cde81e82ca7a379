"""The `device` fixture, in projects of its own: what runs, what is skipped, what fails, and what a failure shows."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.sham import BUILD_ID, ShamDevice
from tinygen.device.frames import EVENT, Frame, encode

pytestmark = pytest.mark.host

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CXX = ["g++", "-std=gnu++17", "-O1", "-fno-exceptions", "-fno-rtti", f"-I{ROOT / 'firmware' / 'include'}"]


@pytest.fixture(scope="module")
def image(needs_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host program with a made-up engine: 40 bytes in, 4 out."""
    needs_tool("g++")
    out = tmp_path_factory.mktemp("plugin") / "image"
    names = ("test_protocol_engine.cpp", "test_protocol_port.cpp")
    sources = [*(HERE / name for name in names), *sorted((ROOT / "firmware/protocol").glob("*.cpp"))]
    subprocess.run([*CXX, *map(str, sources), "-o", str(out)], check=True)
    return out


def run_pytest(folder: Path, *options: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    # The plugin comes by its entry point where the package is installed; here by name, so that this checkout is tested.
    words = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-p", "tinygen.pytest_plugin"]
    clean = {key: value for key, value in os.environ.items() if key not in ("TINYGEN_REQUIRE", "PYTEST_ADDOPTS")}
    variables = {**clean, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **(env or {})}
    return subprocess.run(
        [*words, *options, str(folder)],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def project(folder: Path, *tests: str) -> Path:
    (folder / "test_it.py").write_text(
        "import pytest\nfrom tinygen.core.errors import TinygenError\n\n" + "\n".join(tests)
    )
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return folder


RUNS = """
def test_infer(device):
    assert device.hello.board == "fake"
    first = device.infer(bytes(range(40)))
    assert len(first.output) == 4
    assert device.infer(bytes(40)).output != first.output

def test_raw(device):
    import numpy as np
    assert device.infer_raw(np.ones((25, 2), np.int16)).label >= 0

@pytest.mark.tinygen_fresh
def test_fresh(device):
    with pytest.raises(TinygenError, match="no complete input"):
        device.client.infer()

def test_reset(device):
    device.infer(bytes(40))
    assert device.reset().board == "fake"
    assert device.expect_log("rea.y").text == "tinygen is ready"
    with pytest.raises(TinygenError, match="no log line with 'nothing'"):
        device.expect_log("nothing", within_s=0.1)

@pytest.mark.tinygen_board("nucleo_f446re", "esp32s3")
def test_elsewhere(device): assert False

@pytest.mark.tinygen_real
def test_real(device): assert False

def test_without_device(): pass
"""


def test_the_fixture_in_a_project_of_its_own(image: Path, tmp_path: Path) -> None:
    xml = tmp_path / "out.xml"
    options = ("--tinygen-board", "host", "--tinygen-on", "host", "--tinygen-elf", str(image), f"--junitxml={xml}")
    done = run_pytest(project(tmp_path, RUNS), *options)
    assert "5 passed, 2 skipped" in done.stdout, done.stdout
    assert "for nucleo_f446re, esp32s3, not host" in done.stdout
    assert "needs a real board, not host" in done.stdout
    properties = {
        case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")}
        for case in ElementTree.parse(xml).iter("testcase")
    }
    assert properties["test_infer"]["tinygen_build_id"] == BUILD_ID
    assert properties["test_infer"]["tinygen_on"] == "host on host"
    assert properties["test_without_device"] == {}


FAILS = """
def test_wrong(device):
    device.infer(bytes(range(40)))
    assert False, "that was wrong"
"""


def test_a_failure_shows_the_last_frames_and_the_log(image: Path, tmp_path: Path) -> None:
    options = ("--tinygen-board", "host", "--tinygen-on", "host", "--tinygen-elf", str(image))
    done = run_pytest(project(tmp_path, FAILS), *options)
    assert done.returncode == 1
    assert "last frames (> sent, < received)" in done.stdout
    assert "> WRITE_INPUT #" in done.stdout
    assert "< INFER answer #" in done.stdout
    assert "info    tinygen is ready" in done.stdout


NEEDS = """
def test_needs(device): pass
def test_too(device): pass
def test_not(): pass
"""


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "name one with --tinygen-on"),
        (("--tinygen-board", "nucleo_f446re", "--tinygen-port", "/dev/ttyNOSUCH"), "/dev/ttyNOSUCH: cannot open"),
        (("--tinygen-board", "nucleo_f446re", "--tinygen-on", "board"), "no nucleo_f446re found on USB"),
    ],
)
def test_no_device_skips_with_the_reason_and_fails_where_required(
    tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    folder = project(tmp_path, NEEDS)
    done = run_pytest(folder, *options)
    assert done.returncode == 0
    assert "1 passed, 2 skipped" in done.stdout
    assert reason in done.stdout
    for required in (
        run_pytest(folder, *options, "--tinygen-require"),
        run_pytest(folder, *options, env={"TINYGEN_REQUIRE": "device"}),
    ):
        assert required.returncode == 1
        assert "a device is required: " in required.stdout
        assert reason in required.stdout


def test_a_mistake_in_the_options_is_an_error_not_a_skip(image: Path, tmp_path: Path) -> None:
    folder = project(tmp_path, NEEDS)
    for options, said in (
        (("--tinygen-board", "hos", "--tinygen-on", "host"), "unknown board 'hos'"),
        (("--tinygen-board", "host", "--tinygen-on", "unicorn"), "does not run on 'unicorn'"),
        (("--tinygen-on", "host"), "no board is named"),
        (("--tinygen-board", "host", "--tinygen-on", "host"), "'host' needs an image"),
        (("--tinygen-board", "host", "--tinygen-on", "host", "--tinygen-elf", "nope"), "no such file"),
    ):
        done = run_pytest(folder, *options)
        assert done.returncode == 1, done.stdout
        assert said in done.stdout
    other = (
        "--tinygen-board",
        "host",
        "--tinygen-on",
        "host",
        "--tinygen-elf",
        str(image),
        "--tinygen-build-id",
        "ff" * 16,
    )
    done = run_pytest(folder, *other)
    assert done.returncode == 1
    assert "another build is on the device" in done.stdout


@pytest.fixture
def port() -> Iterator[str]:
    """A sham board on a pseudo-terminal that tells an event a second after each hello, and dies when it gets input."""
    if sys.platform == "win32":
        pytest.skip("pseudo-terminals are POSIX's")
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    device = ShamDevice(board="nucleo_f446re")
    event = encode(Frame(EVENT, 0, struct.pack("<IQIhxx", 0, 16_000, 700, 2) + b"yes"))

    def serve() -> None:
        try:
            while data := os.read(ours, 4096):
                answer = device.take(data)
                if len(data) > 40:  # WRITE_INPUT
                    return
                os.write(ours, answer)
                if b"sham" in answer:
                    threading.Timer(1.0, os.write, (ours, event)).start()
        except OSError:
            return

    threading.Thread(target=serve, daemon=True).start()
    yield os.ttyname(theirs)
    os.close(theirs)
    os.close(ours)


EVENTS = """
def test_event(device):
    assert device.expect_event("yes", within_s=5, least_score=500).score == 700

def test_no_event(device):
    device.expect_event("no", within_s=2)

def test_dies(device):
    device.infer(bytes(40))

def test_after_it_died(device): pass
"""


def test_events_are_expected_and_a_board_that_dies_fails(port: str, tmp_path: Path) -> None:
    done = run_pytest(project(tmp_path, EVENTS), "--tinygen-board", "nucleo_f446re", "--tinygen-port", port)
    assert "2 failed, 1 passed, 1 error" in done.stdout, done.stdout
    assert "no event 'no' with a score of at least 0 in 2 s; came: yes (score 700)" in done.stdout
    assert "< EVENT 0: yes, score 700, at sample 16000" in done.stdout
    assert "no answer to WRITE_INPUT" in done.stdout
    assert "no answer to HELLO" in done.stdout  # it was there: its absence is no reason to skip
