"""What changes a result changes its key, wherever it lies; two processes are not in one build folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tinygen.core.lock import held
from tinygen.pipeline.steps import data_key


@pytest.mark.parametrize("place", [".hidden", "plain", "linked"])
def test_a_changed_recording_changes_the_key(tmp_path: Path, place: str) -> None:
    root = tmp_path / "data"
    folder = (tmp_path / "elsewhere") if place == "linked" else root / place
    root.mkdir()
    folder.mkdir()
    if place == "linked":
        (root / "linked").symlink_to(folder, target_is_directory=True)
    (folder / "a.csv").write_text("x,y\n1,2\n")
    before = data_key(root)
    (folder / "a.csv").write_text("x,y\n1,3\n")
    assert data_key(root) != before


def test_a_hidden_data_folder_counts(tmp_path: Path) -> None:
    root = tmp_path / ".rec"
    root.mkdir()
    (root / "a.csv").write_text("1")
    before = data_key(root)
    (root / "a.csv").write_text("2")
    assert data_key(root) != before


def test_the_second_process_waits_and_says_so(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tinygen.core.lock import held\n"
        "with held(Path(sys.argv[1]), lambda text: print(text, flush=True)): print('mine', flush=True)"
    )
    with held(tmp_path, print):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert child.stdout is not None
        assert "another tinygen works" in child.stdout.readline()
        assert child.poll() is None
    assert "mine" in child.communicate(timeout=20)[0]
    assert child.returncode == 0
