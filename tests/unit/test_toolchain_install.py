"""`python -m tinygen.toolchain.install`: said first, done only where allowed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tinygen.core.errors import ExitCode, TinygenError
from tinygen.toolchain import debian, install


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing on it but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def tool(folder: Path, name: str, body: str) -> None:
    """A program on that PATH. It starts with an absolute shell, which needs no PATH."""
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


def test_it_says_first_what_it_will_install(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool(bare, "apt-get", "exit 99")
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    install.install_debian_packages(("esp32s3", "sim"), offline=True, dry_run=True)
    said = capsys.readouterr().err
    assert "will install these Debian packages: gcc-xtensa-lx106 qemu-system-arm qemu-system-misc" in said


def test_without_apt_get_the_packages_are_named(bare: Path) -> None:
    with pytest.raises(TinygenError, match="no apt-get") as caught:
        install.install_debian_packages(("speech",), offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "espeak-ng flite" in caught.value.hint


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_without_root_nothing_is_installed(bare: Path, sudo: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(bare, "apt-get", f"/bin/touch {bare}/ran")
    if sudo:
        tool(bare, "sudo", sudo)
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    with pytest.raises(TinygenError, match="needs root") as caught:
        install.install_debian_packages(("sim",), offline=True)
    assert caught.value.code == ExitCode.TOOL_FAILED
    assert "sudo apt-get install --no-install-recommends qemu-system-arm qemu-system-misc" in caught.value.hint
    assert not (bare / "ran").exists()


def test_sudo_without_password_is_used_and_the_lists_are_refreshed_once(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = bare / "log"
    tool(bare, "sudo", f'shift; [ "$1" = true ] && exit 0; shift 2; echo "$@" >> {log}; exec "$@"')
    fake = f"echo >{bare}/espeak-ng; echo >{bare}/flite; /bin/chmod +x {bare}/espeak-ng {bare}/flite"
    tool(
        bare,
        "apt-get",
        f'case "$1" in update) echo >{bare}/lists;; install) [ -e {bare}/lists ] || exit 100; {fake};; esac',
    )
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    install.install_debian_packages(("speech",), offline=True)
    verbs = [line.split()[1] for line in log.read_text().splitlines()]
    assert verbs == ["install", "update", "install"]
    before = log.read_text()
    install.install_debian_packages(("speech",), offline=True)
    assert log.read_text() == before


def test_a_failed_installation_is_exit_code_3(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(bare, "apt-get", "exit 100")
    tool(bare, "env", 'shift; exec "$@"')
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert install.main(["--for", "speech"]) == 3


def test_a_connected_machine_leaves_compilers_to_platformio(
    bare: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    install.install_debian_packages(("stm32", "esp32s3"), offline=False)
    assert "registry is reachable" in capsys.readouterr().err
    with pytest.raises(TinygenError) as caught:
        install.install_debian_packages(("stm32", "speech"), offline=False)
    assert "gcc-arm-none-eabi" not in caught.value.hint


def test_an_unknown_purpose_is_the_users_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["--for", "stm31"]) == 2
    assert "did you mean 'stm32'?" in capsys.readouterr().err


def test_a_file_a_compiler_cannot_find_is_missing(bare: Path) -> None:
    needed = debian.Tool(program="cc", package="libc", file="gone.a")
    assert not needed.present()
    tool(bare, "cc", "echo gone.a")
    assert not needed.present()
    (bare / "gone.a").touch()
    tool(bare, "cc", f"echo {bare}/gone.a")
    assert needed.present()


def test_it_needs_the_standard_library_only() -> None:
    import sys

    code = (
        "import sys\n"
        "class Block:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('numpy', 'pydantic', 'elftools', 'click', 'jinja2'):\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Block())\n"
        "import tinygen.toolchain.install\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
