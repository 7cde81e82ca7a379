"""PlatformIO's package references and version numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass

import semantic_version  # type: ignore[import-untyped]

from tinygen.core.errors import ExitCode, TinygenError


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRef:
    """`owner/name @ requirement` taken apart; owner defaults to PlatformIO's own."""

    owner: str
    name: str
    requirement: str


def parse_ref(text: str) -> PackageRef:
    """Read "ststm32 @ ^19.6" or "platformio/toolchain-gccarmnoneeabi@>=1.12,<1.13".

    Raises:
        TinygenError: the text names no package.
    """
    match = re.fullmatch(r"\s*(?:([\w-]+)/)?([\w-]+)\s*(?:@\s*(.*?))?\s*", text)
    if match is None:
        raise TinygenError(ExitCode.BAD_INPUT, f"'{text}' is no package; write name @ version")
    return PackageRef(owner=match[1] or "platformio", name=match[2], requirement=(match[3] or "").replace(" ", ""))


def satisfies(version: str, requirement: str) -> bool:
    """True when a version is within a requirement; an empty requirement takes any.

    Raises:
        TinygenError: the requirement cannot be read.
    """
    try:
        return not requirement or semantic_version.Version.coerce(version) in semantic_version.SimpleSpec(requirement)
    except ValueError as error:
        raise TinygenError(ExitCode.BAD_INPUT, f"'{requirement}' is no version requirement: {error}") from error


def version_within(requirements: tuple[str, ...], preferred: str = "1.0.0") -> str:
    """A version all requirements accept: the preferred one if it will do, else the first they name that will.

    Raises:
        TinygenError: no version named in them satisfies all of them.
    """
    named = [word for text in requirements for word in re.findall(r"\d[^,<>=~^|\s]*", text)]
    for word in (preferred, *named):
        version = str(semantic_version.Version.coerce(word))
        if all(satisfies(version, requirement) for requirement in requirements):
            return version
    raise TinygenError(ExitCode.OUR_BUG, f"the boards' requirements exclude each other: {', '.join(requirements)}")


def platformio_number(version: str) -> str:
    """A tool's "12.2.1" in PlatformIO's numbering of its last two parts: "120201" ("4.11.1" of SCons: "41101")."""
    major, minor, patch = ([*version.split("."), "0", "0"])[:3]
    return f"{int(major)}{int(minor):02d}{int(patch):02d}"
