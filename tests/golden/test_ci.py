"""`generate --ci github`: the workflow is the committed one, and its commands do what they say."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tinygen.boards.loader import find_board, load_boards
from tinygen.config import load_config
from tinygen.core.errors import TinygenError
from tinygen.firmware.ci_view import render_renode
from tinygen.pipeline import ci
from tinygen.pipeline.context import Context

pytestmark = pytest.mark.golden

GOLDEN = Path(__file__).parent / "ci"


def written(folder: Path, **options: str) -> Path:
    """The workflow of a configuration, in `folder`."""
    config = load_config(None, {"task": "gesture", **options}, folder)
    report = ci.github(Context(config=config), folder)
    return Path(str(report.subject["workflow"]))


def compared(name: str, content: bytes) -> None:
    """Compare with the committed file; TINYGEN_UPDATE_GOLDEN=1 writes it anew."""
    if os.environ.get("TINYGEN_UPDATE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        (GOLDEN / name).write_bytes(content)
    assert (GOLDEN / name).read_text() == content.decode()


def steps(workflow: Path, job: str) -> dict[str, str]:
    """{name of a step: its command} of a job."""
    import yaml  # type: ignore[import-untyped]

    document: dict[str, Any] = yaml.safe_load(workflow.read_text())
    return {step["name"]: step["run"] for step in document["jobs"][job]["steps"] if "run" in step}


@pytest.mark.parametrize(("board", "framework"), [("nucleo_f446re", ""), ("esp32s3", "espidf")])
def test_the_workflow_is_the_committed_one(
    board: str, framework: str, tmp_path: Path, needs_module: Callable[..., None]
) -> None:
    needs_module("yaml")
    workflow = written(tmp_path, board=board, **({"framework": framework} if framework else {}))
    compared(workflow.name, workflow.read_bytes())
    assert "Simulate and verify" in steps(workflow, "verify")
    assert f"--board {board}" in steps(workflow, "verify")["Build"]


def test_a_workflow_of_the_users_is_not_replaced(tmp_path: Path) -> None:
    workflow = written(tmp_path, board="nucleo_f446re")
    assert written(tmp_path, board="nucleo_f446re") == workflow  # ours is
    workflow.write_text("name: mine\n")
    with pytest.raises(TinygenError, match="is not tinygen's"):
        written(tmp_path, board="nucleo_f446re")
    assert workflow.read_text() == "name: mine\n"


@pytest.mark.slow
def test_the_workflows_commands_verify_the_firmware(
    tmp_path: Path, need: Callable[[str], None], needs_module: Callable[..., None]
) -> None:
    """What stands in the file is run by a shell, in its order; only what installs is left out."""
    needs_module("yaml")
    needs_module("tensorflow", "train")
    need("unicorn")
    program = tmp_path / "bin" / "tinygen"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tinygen "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    (tmp_path / "tinygen.toml").write_text("vectors = 3\nepochs = 1\n")
    commands = steps(written(tmp_path, board="nucleo_f446re"), "verify")
    environment = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    for name in ("Generate", "Build", "Simulate and verify"):
        done = subprocess.run(
            ["bash", "-e", "-c", commands[name]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "verify.json").read_text())
    assert report["ok"]
    assert (tmp_path / "build/projects/gesture-nucleo_f446re/platformio.ini").is_file()


def test_renodes_scripts_are_the_committed_ones() -> None:
    for path, content in render_renode(find_board("disco_f407vg"), "--task gesture --board disco_f407vg").items():
        compared(Path(path).name, content)


def test_renode_is_refused_for_what_it_does_not_describe(tmp_path: Path) -> None:
    described = {board.id for board in load_boards().values() if board.renode}
    assert described == {"feather_f405", "disco_f407vg", "nucleo_f746zg", "nucleo_f767zi", "nucleo_h743zi"}
    config = load_config(None, {"board": "nucleo_l476rg"}, tmp_path)
    with pytest.raises(TinygenError, match="no description of nucleo_l476rg"):
        ci.renode(Context(config=config), tmp_path)
