"""The stand-in platforms as files: `firmware/standin` under the names the generated platformio.ini asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from tinygen.boards.spec import BoardSpec
from tinygen.core.canonical import pretty_json
from tinygen.core.errors import bad_input
from tinygen.core.resources import resource_dir
from tinygen.toolchain.versions import parse_ref, version_within

TITLES = {
    "ststm32": "ST STM32 [offline stand-in]",
    "espressif32": "Espressif 32 [offline stand-in]",
    "native": "Native [offline stand-in]",
}
_NO_FRAMEWORK = {"script": "builder/frameworks/none.py", "title": "none [offline stand-in]"}
_FRAMEWORKS: dict[str, dict[str, object]] = {
    "espressif32": {"arduino": _NO_FRAMEWORK, "espidf": _NO_FRAMEWORK},
    "ststm32": {"arduino": _NO_FRAMEWORK, "stm32cube": _NO_FRAMEWORK},
}


def piopm(kind: str, name: str, version: str, owner: str) -> bytes:
    """PlatformIO's installation record: without the owner in it PlatformIO asks its registry all the same."""
    spec = {"owner": owner, "id": None, "name": name, "requirements": None, "uri": None}
    return pretty_json({"type": kind, "name": name, "version": version, "spec": spec}).encode()


def board_manifest(board: BoardSpec) -> dict[str, object]:
    """PlatformIO's description of a board, from ours."""
    chip = board.chip
    arch = {"native": "native", "xtensa": "xtensa"}.get(chip.arch, "arm")
    ram_bytes = chip.ram.size_bytes
    # The ESP32-S3 stand-in makes a RAM image; code and data are two views of the same memory.
    flash_bytes = ram_bytes if arch == "xtensa" else chip.flash.size_bytes
    defines = [chip.define] if chip.define else []
    if arch == "arm":
        defines.insert(0, chip.family.upper())
    return {
        "name": f"{board.title} [offline stand-in]",
        "vendor": board.vendor,
        "url": "",
        "build": {
            "standin": {"arch": arch},
            "cpu": chip.cpu,
            "mcu": chip.id,
            "f_cpu": f"{board.clock_hz}L",
            "extra_flags": " ".join(f"-D{define}" for define in defines),
        },
        "upload": {"maximum_size": flash_bytes, "maximum_ram_size": ram_bytes},
        "frameworks": [framework for framework in board.platformio.frameworks if framework],
    }


def platform_files(boards: Sequence[BoardSpec]) -> dict[str, bytes]:
    """{path below the core directory: content} of every stand-in platform these boards need.

    Raises:
        TinygenError: a board names a platform there is no stand-in for.
    """
    source = resource_dir("firmware") / "standin"
    common = {
        path.relative_to(source).as_posix(): path.read_bytes()
        for path in sorted(source.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and path.name != "platform.json"
    }
    template = json.loads((source / "platform.json").read_text(encoding="utf-8"))
    files: dict[str, bytes] = {}
    for name in sorted({parse_ref(board.platformio.platform).name for board in boards}):
        if name not in TITLES:
            raise bad_input(
                f"there is no offline stand-in for PlatformIO's platform '{name}'",
                hint=f"stand-ins: {', '.join(TITLES)}; connected machines build with the vendor's platform",
            )
        members = [board for board in boards if parse_ref(board.platformio.platform).name == name]
        version = version_within(tuple(parse_ref(board.platformio.platform).requirement for board in members))
        root = f"platforms/{name}"
        about = {
            **template,
            "name": name,
            "title": TITLES[name],
            "version": version,
            "frameworks": _FRAMEWORKS.get(name, {}),
        }
        files[f"{root}/platform.json"] = pretty_json(about).encode()
        files[f"{root}/.piopm"] = piopm("platform", name, version, "platformio")
        files |= {f"{root}/{path}": content for path, content in common.items()}
        files |= {
            f"{root}/boards/{board.platformio.board}.json": pretty_json(board_manifest(board)).encode()
            # Boards that are one to PlatformIO share a manifest: that of the first by id.
            for board in sorted(members, key=lambda member: member.id, reverse=True)
            if board.platformio.board
        }
    return files
