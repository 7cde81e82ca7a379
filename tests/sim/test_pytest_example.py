"""The example project of the documentation, run as its reader would run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.sim, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "5 passed, 1 skipped"),
        (("--tinygen-board", "feather_f405", "--tinygen-on", "unicorn"), "5 passed, 1 skipped"),
    ],
)
def test_the_example_passes(
    options: tuple[str, ...], said: str, tmp_path_factory: pytest.TempPathFactory, needs_module: Callable[..., None]
) -> None:
    for module in ("tensorflow", "tflite_micro", *(("unicorn",) if options else ())):
        needs_module(module, "all")
    folder = tmp_path_factory.getbasetemp() / "example"
    if not folder.exists():
        shutil.copytree(ROOT / "examples" / "pytest_device", folder)
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTEST_ADDOPTS",)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "-p", "tinygen.pytest_plugin", *options],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TINYGEN_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert said in done.stdout, done.stdout + done.stderr
    assert "needs a real board" in done.stdout
