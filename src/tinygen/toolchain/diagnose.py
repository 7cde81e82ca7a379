"""From a failed build's output to the few lines that tell what is wrong."""

from __future__ import annotations

import re

from tinygen.core.errors import TinygenError, bad_input, tool_failed

SHOWN = 5
_COMPILER = re.compile(r"^\S[^:\n]*:\d+(?::\d+)?: (?:fatal )?error: .+")
_LINKER = re.compile(
    r"undefined reference to|multiple definition of|cannot find -l|cannot open linker script|will not fit in region"
    r"|region `[^']+' overflowed|not in executable format|relocation truncated|dangerous relocation"
)
_BUILDER = re.compile(
    r"^(?:Error: |UserSideException|UnknownPackageError|UnknownPlatform|HTTPClientError|\S*Exception: )"
)
_OVERFLOW = re.compile(r"region `([^']+)' overflowed by (\d+) bytes")
_TOO_BIG = re.compile(r"The program size \((\d+) bytes\) is greater than maximum allowed \((\d+) bytes\)")
_REGISTRY = re.compile(r"HTTPClientError|Could not find the package|UnknownPackageError|Please check your connection")
_ADVICE = (
    (
        re.compile(r"\.(?:h|hpp): No such file or directory"),
        "a header is missing: the compiler's installation is incomplete (`tinygen doctor` names its packages), or a "
        "file of the project was removed (`tinygen generate` writes it again)",
    ),
    (
        _COMPILER,
        "start with the first line; tinygen writes its own files anew before each build, so look at files and flags "
        "you added, or at another version of the compiler (`tinygen doctor`), else report it with the log",
    ),
    (
        _LINKER,
        "an object, library or linker script of the project is missing or damaged: remove the project's .pio folder "
        "and build again",
    ),
)


def problems(output: str) -> tuple[str, ...]:
    """The first lines that name a cause, each once: the compiler's before the linker's before the build system's."""
    lines = list(dict.fromkeys(line.strip() for line in output.splitlines()))
    for pattern in (_COMPILER, _LINKER, _BUILDER):
        found = tuple(line for line in lines if pattern.search(line))
        if found:
            return found[:SHOWN]
    return tuple(line for line in lines if line)[-SHOWN:]


_STATE_ADVICE = (
    "; the end of the flash is kept for what is learned: [flash] state in the board's file names other sectors, or "
    '"none", and then a loss of power loses it'
)


def build_error(output: str, *, where: str, log: str, offline: bool, keeps_state: bool = False) -> TinygenError:
    """The error to raise for a build that failed.

    Args:
        output: everything the build printed.
        where: the project.
        log: where the whole output lies; "" if nowhere.
        offline: the build used the stand-in.
        keeps_state: the end of the flash is reserved for what is learned.
    """
    named = "\n".join(f"  {line}" for line in problems(output))
    see = f"the whole output is in {log}" if log else ""
    if overflow := _OVERFLOW.search(output):
        return bad_input(
            f"the firmware does not fit: {overflow[1]} is {overflow[2]} bytes too small\n{named}",
            where=where,
            hint="choose a board with more memory or a smaller model; `tinygen compile` shows which step needs most"
            + (_STATE_ADVICE if keeps_state and overflow[1] == "FLASH" else ""),
        )
    if size := _TOO_BIG.search(output):
        return bad_input(
            f"the firmware does not fit: {size[1]} bytes, the chip has {size[2]}",
            where=where,
            hint="choose a board with more flash or a smaller model",
        )
    if _REGISTRY.search(output):
        advice = (
            "the offline setup lacks a package the project asks for; `tinygen doctor` shows what is there"
            if offline
            else "PlatformIO's registry did not deliver; try again, or set TINYGEN_OFFLINE=1 to build with the stand-in"
        )
        return tool_failed(f"PlatformIO could not get a package\n{named}", where=where, hint=f"{advice}; {see}")
    advice = next((text for pattern, text in _ADVICE if any(pattern.search(line) for line in problems(output))), "")
    return tool_failed(f"the build failed\n{named}", where=where, hint="; ".join(filter(None, (advice, see))))
