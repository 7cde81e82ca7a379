"""What PlatformIO has installed: read from its core directory, without starting it and without network."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A platform ("ststm32"), or a package of one: a toolchain, framework or uploader.

    Attributes:
        kind: "platform" or "package".
    """

    kind: str
    name: str
    version: str


_FOLDERS = (
    ("platform", "platforms", "PLATFORMIO_PLATFORMS_DIR", "platform.json"),
    ("package", "packages", "PLATFORMIO_PACKAGES_DIR", "package.json"),
)


def core_dir(environment: Mapping[str, str] = os.environ) -> Path:
    """PlatformIO's core directory: where it keeps what it has fetched."""
    named = environment.get("PLATFORMIO_CORE_DIR", "")
    return Path(named).expanduser() if named else Path.home() / ".platformio"


def installed(environment: Mapping[str, str] = os.environ) -> list[Package]:
    """All platforms and packages, by kind and name; what is damaged is left out, as PlatformIO does.

    Args:
        environment: variables that move the folders.
    """
    found = []
    for kind, usual, variable, manifest in _FOLDERS:
        named = environment.get(variable, "")
        folder = Path(named).expanduser() if named else core_dir(environment) / usual
        for path in sorted(folder.glob(f"*/{manifest}")):
            try:
                facts = json.loads(path.read_text(encoding="utf-8"))
                found.append(Package(kind=kind, name=str(facts["name"]), version=str(facts["version"])))
            except (OSError, ValueError, KeyError, TypeError):
                continue
    return sorted(found, key=lambda package: (package.kind != "platform", package.name, package.version))
