"""What users install: the wheel in an empty environment, outside the checkout, does the main job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sim, pytest.mark.slow, pytest.mark.wheel]


def run(*words: str, cwd: Path) -> str:
    """A command's standard output; what it said otherwise is shown when it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(words, cwd=cwd, env=clean, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return done.stdout


def test_the_wheel_does_the_gesture_run(
    tmp_path: Path, root: Path, needs_module: Callable[..., None], needs_tool: Callable[..., str]
) -> None:
    needs_module("build", "dev")
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_tool("qemu-system-arm", "qemu-system-arm")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path / "dist"), str(root), cwd=tmp_path)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        inside = archive.namelist()
    for folder in ("templates", "firmware", "boards", "datasets"):
        assert any(name.startswith(f"tinygen/_data/{folder}/") for name in inside)
    venv.create(tmp_path / "env", with_pip=True)
    programs = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(programs / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[all]", cwd=tmp_path)
    work = tmp_path / "work"
    work.mkdir()
    where = run(python, "-c", "import tinygen; print(tinygen.__file__)", cwd=work)
    assert str(tmp_path / "env") in where
    said = run(
        str(programs / "tinygen"),
        "run",
        *("--task", "gesture", "--board", "feather_f405", "--on", "qemu", "--epochs", "2", "--offline", "--json"),
        cwd=work,
    )
    found = json.loads(said)
    assert (found["vectors"], found["differing_bytes"]) == (50, 0)
    assert (work / "build" / "report-gesture-feather_f405.html").is_file()
