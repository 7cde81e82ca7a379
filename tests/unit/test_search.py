"""`tinygen search`: what is over the budget is never trained, a killed search goes on, the front is a front."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from tinygen.config import load_config
from tinygen.core.errors import ExitCode, TinygenError
from tinygen.pipeline import search
from tinygen.pipeline.context import Context
from tinygen.pipeline.costing import Cost
from tinygen.pipeline.search_views import Row, front, picture
from tinygen.pipeline.study import opened


def row(number: int, accuracy: float | None, instructions: int, ram: int = 1000) -> Row:
    return Row(
        number=number, state="complete", accuracy=accuracy, given_up=None if accuracy else 2,
        accuracy_then=None if accuracy else 0.4, over="", ram_bytes=ram, flash_bytes=5000, instructions=instructions,
        parameters=10, layers=("conv2d 8 1x3",),
    )  # fmt: skip


def test_the_front_holds_what_nothing_beats() -> None:
    rows = [row(0, 0.9, 100), row(1, 0.8, 100), row(2, 0.7, 50), row(3, 0.9, 100), row(4, 0.85, 200, ram=900)]
    assert [r.number for r in front(rows)] == [2, 0, 4]


def test_the_picture_shows_every_candidate() -> None:
    rows = [row(0, 0.9, 100), row(1, None, 300), row(2, 0.7, 50)]
    drawn = ElementTree.fromstring(picture(rows, front([r for r in rows if r.accuracy])))  # a whole XML document
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert len(drawn.findall("{http://www.w3.org/2000/svg}rect")) == len(rows)


@pytest.fixture
def gestures(tmp_path: Path) -> Path:
    """Three made-up gestures of nine persons that differ in their axis."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "data"
    t = np.arange(64)
    for label in range(3):
        for person in range(9):
            for take in range(2):
                motion = rng.normal(0, 120, size=(64, 3))
                motion[:, label] += 2000 * np.sin(2 * np.pi * t / rng.uniform(18, 26) + rng.uniform(0, 1))
                path = folder / f"axis{label}" / f"p{person}_{take}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                rows = [",".join(str(int(v)) for v in values) for values in motion]
                path.write_text("x,y,z\n" + "\n".join(rows) + "\n")
    return folder


def words(data: Path, build: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "tinygen", "search", "--task", "gesture", "--board", "nucleo_f446re", "--ram", "20K",
        "--flash", "64K", "--instructions", "120K", "--data", str(data), "--build-dir", str(build), "--epochs", "3",
        "--json", *more,
    ]  # fmt: skip


def test_a_budget_that_nothing_fits_ends_soon_and_says_by_how_much(
    gestures: Path, tmp_path: Path, needs_module: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_module("optuna", "train")
    costed: list[str] = []

    def too_much(*_: object) -> Cost:
        costed.append("RAM: 1,992 bytes of arena of 10")
        return Cost(
            arena_bytes=1992, weights_bytes=1, macs=1, instructions=1, ram_bytes=None, flash_bytes=None, over=costed[-1]
        )

    told: list[str] = []
    monkeypatch.setattr(search, "cost_of", too_much)
    monkeypatch.setattr(search, "opened", lambda optuna, url, make: make(None))
    given = {
        "task": "gesture", "data": str(gestures), "build_dir": str(tmp_path / "b"), "board": "nucleo_f446re",
        "budget.ram": "10",
    }  # fmt: skip
    ctx = Context(
        config=load_config(None, given, tmp_path),
        progress=lambda stage, done, total, remark="": told.append(f"{stage} {done}/{total} {remark}"),
    )
    with pytest.raises(TinygenError, match="40 candidates in a row are over the budget, the last by") as raised:
        search.search(ctx, search.Request(trials=20))
    assert raised.value.code == ExitCode.BAD_INPUT and len(costed) <= 40
    assert f"searching 0/20 over the budget: {costed[0]}" in told


@pytest.mark.slow
def test_twenty_candidates_and_a_kill(
    gestures: Path, tmp_path: Path, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> None:
    needs_module("tensorflow", "train")
    needs_module("optuna", "train")
    needs_module("tflite_micro", "verify")
    needs_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    build = tmp_path / "build"
    process = subprocess.Popen(
        words(gestures, build, "--trials", "20"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    until = time.monotonic() + 240
    trained_before = 0
    while time.monotonic() < until and process.poll() is None and trained_before < 3:
        time.sleep(0.3)
        trained_before = _trained(build)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 3 <= trained_before < 20, "killed too late or too early to show anything"
    done = subprocess.run(
        words(gestures, build, "--trials", "20"), capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["candidates_trained"] == 20
    assert report["candidates_over_budget"] > 0
    assert report["best_accuracy"] > 0.6
    rows = report["rows"]
    for entry in rows:
        if entry["over"]:
            assert entry["accuracy"] is None and entry["given_up"] is None
        elif entry["state"] != "fail":
            assert entry["instructions"] <= 120_000
            assert entry["ram_bytes"] <= 20 * 1024
            assert entry["flash_bytes"] <= 64 * 1024
    assert (Path(report["folder"]) / "front.svg").is_file()
    assert not [trial for trial in _study(build).trials if trial.state.name == "RUNNING"]


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("postgresql://ann:secret@127.0.0.1:1/studies", ExitCode.TOOL_FAILED, "server running|tinygen\\[postgresql"),
        ("mysql://ann@127.0.0.1:1/studies", ExitCode.TOOL_FAILED, "mysqlclient|server running"),
        ("sqlite:////no/such/folder/study.db", ExitCode.BAD_INPUT, "sqlite:///study.db"),
        ("study", ExitCode.BAD_INPUT, "postgresql://user@machine/name"),
    ],
)
def test_a_storage_that_cannot_be_used_says_what_to_do(
    url: str, code: ExitCode, said: str, needs_module: Callable[..., None]
) -> None:
    needs_module("optuna", "train")
    import optuna

    with pytest.raises(TinygenError) as raised:
        opened(optuna, url, lambda storage: optuna.create_study(storage=storage))
    assert raised.value.code == code
    assert re.search(said, raised.value.hint or "")
    assert "secret" not in str(raised.value)


@pytest.fixture
def postgresql(needs_module: Callable[..., None]) -> Iterator[str]:
    """The URL of a new data base of a server of its own."""
    needs_module("psycopg", "postgresql")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("there is no PostgreSQL server here (package postgresql)")
    place = Path(tempfile.mkdtemp(prefix="tinygen-pg-"))  # a socket's path must be short
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
    if plain:
        shutil.chown(place, "postgres", "postgres")
    control = [*plain, str(folders[-1] / "pg_ctl"), "-s", "-w", "-D", str(place / "data")]
    subprocess.run([*control, "initdb", "-o", "-A trust -U ann"], check=True, stdout=subprocess.DEVNULL, cwd="/")
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1"
    subprocess.run([*control, "start", "-o", options, "-l", str(place / "log")], check=True, cwd="/")
    try:
        yield f"postgresql://ann@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "stop", "-m", "immediate"], check=True, cwd="/")
        shutil.rmtree(place, ignore_errors=True)


@pytest.mark.soak
def test_two_processes_work_on_one_study_in_postgresql(
    gestures: Path, tmp_path: Path, postgresql: str, needs_tool: Callable[..., str]
) -> None:
    needs_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    both = [
        subprocess.Popen(
            words(gestures, tmp_path / f"build{number}", "--trials", "6", "--storage", postgresql),
            stdout=subprocess.PIPE, text=True,
        )
        for number in (1, 2)
    ]  # fmt: skip
    reports = [json.loads(process.communicate(timeout=280)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert {report["subject"]["study"] for report in reports} == {reports[0]["subject"]["study"]}
    from optuna import get_all_study_names, load_study

    (name,) = get_all_study_names(postgresql)
    trials = load_study(study_name=name, storage=postgresql).trials
    assert len({trial.user_attrs["worker"] for trial in trials}) == 2
    assert 6 <= sum("trained" in trial.user_attrs for trial in trials) <= 7  # both may begin the last one
    assert not [trial for trial in trials if trial.state.name == "RUNNING"]


def _study(build: Path) -> Any:
    path = next((build / "search").glob("*/study.db"))
    storage = f"sqlite:///{path}"
    from optuna import get_all_study_names, load_study

    return load_study(study_name=get_all_study_names(storage)[0], storage=storage)


def _trained(build: Path) -> int:
    try:
        return sum("trained" in trial.user_attrs for trial in _study(build).trials)
    except Exception:  # the study is not there yet, or is being made
        return 0
