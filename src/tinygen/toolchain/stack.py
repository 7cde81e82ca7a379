"""Worst-case stack of a function: GCC's own frame sizes along the longest way through the call graph.

Frames come from `-fcallgraph-info=su`; calls from that graph and from the disassembled program, which also knows the
calls of libgcc's helpers that the compiler adds last. Functions without a call graph (the C library's) get an upper
bound read from their instructions: all registers pushed and all bytes subtracted from the stack pointer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.process import run

FLAGS = ("-fstack-usage", "-fcallgraph-info=su,da")

_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_CALL = re.compile(r"\t(?:blx?|b\.w|b\.n|b|call0|j|call|callq|jmp|jmpq)\s+(?:0x)?[0-9a-f]+ <([^>+]+)>")
_PUSH = re.compile(r"\t(?:push|stmdb\s+sp!,|vpush)\s*\{([^}]*)\}")
_SUB_ARM = re.compile(r"\tsub(?:\.w|w)?\s+sp,(?: sp,)? #(\d+)")
_STORE_ARM = re.compile(r"\[sp, #-(\d+)\]!")
_ADD_XTENSA = re.compile(r"\taddi\s+a1, a1, -(\d+)")
_GROWS = re.compile(r"\tsub(?:\.w|w|s)?\s+sp,(?: sp,)? r\d")
_POINTER_CALL = re.compile(r"\tblx\s+(?:r\d+|ip|lr)")
_INDIRECT = "__indirect_call"
_CALLBACKS = ("4port5writeE", "7Session10after_stepE")
_INTERRUPT = "tinygen_serial_interrupt"
EXCEPTION_FRAME_BYTES = 108
"""What a Cortex-M4F pushes for an interrupt: 26 words with the FPU's registers, and one to align. Source: ARMv7-M
Architecture Reference Manual, B1.5.6 Exception entry behavior."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackUse:
    """The deepest way down from a function.

    Attributes:
        total_bytes: of the whole way.
        path: (function, bytes of its frame), outermost first.
        bounded: False when a frame grows at run time or functions call themselves: the total is then only a guess.
    """

    total_bytes: int
    path: tuple[tuple[str, int], ...]
    bounded: bool


def worst_case(folder: Path, program: Path, root: str, *, prefix: str) -> StackUse | None:
    """The worst case below `root`, itself included; callbacks it is handed are not followed.

    Args:
        folder: holds the .ci files of the objects.
        program: the linked program, for calls and for functions without .ci.
        root: the function's assembler name.
        prefix: of objdump.

    Returns:
        None when the compiler writes no call graphs (clang) or the function is not there.
    """
    return worst_cases(folder, program, (root,), prefix=prefix).get(root)


def worst_cases(folder: Path, program: Path, roots: Iterable[str], *, prefix: str) -> dict[str, StackUse]:
    """The same for several functions of one program; without those that are not there."""
    frames: dict[str, tuple[int, bool]] = {}
    calls: dict[str, set[str]] = {}
    for graph in sorted(folder.glob("*.ci")):
        read_graph(graph.read_text(errors="replace"), frames, calls)
    there = [root for root in roots if root in frames]
    if not there:
        return {}
    native = not prefix
    listing = "" if native else run([f"{prefix}objdump", "-d", str(program)], timeout_s=120).stdout
    read_listing(listing, frames, calls)
    return {root: deepest_way(root, frames, calls) for root in there}


def firmware_stack(program: Path, *, prefix: str) -> StackUse | None:
    """An upper bound for a whole firmware image of a Cortex-M, from its instructions alone.

    The application's two callbacks (the serial line's write, the session's look at each step) count as called by every
    function that calls through a pointer; the serial interrupt may come on top of the deepest way.

    Returns:
        None for other machines.
    """
    if not prefix.startswith("arm"):
        return None
    frames: dict[str, tuple[int, bool]] = {}
    calls: dict[str, set[str]] = {}
    indirect = read_listing(run([f"{prefix}objdump", "-d", str(program)], timeout_s=120).stdout, frames, calls)
    targets = {name for name in {*frames, *calls} if any(word in name for word in _CALLBACKS)}
    for name in indirect:
        calls.setdefault(name, set()).update(targets - {name})
    way = deepest_way("Reset_Handler", frames, calls)
    above = deepest_way(_INTERRUPT, frames, calls)
    return StackUse(
        total_bytes=way.total_bytes + EXCEPTION_FRAME_BYTES + above.total_bytes,
        path=(*way.path, ("exception frame", EXCEPTION_FRAME_BYTES), *above.path),
        bounded=way.bounded and above.bounded,
    )


def deepest_way(root: str, frames: Mapping[str, tuple[int, bool]], calls: Mapping[str, set[str]]) -> StackUse:
    """The longest way through a call graph.

    Args:
        root: where it begins.
        frames: {function: (bytes of its frame, True when that is fixed)}; unknown functions count as 0.
        calls: {function: functions it calls}.
    """
    bounded = True
    memo: dict[str, tuple[int, tuple[tuple[str, int], ...]]] = {}
    active: set[str] = set()

    def deepest(name: str) -> tuple[int, tuple[tuple[str, int], ...]]:
        nonlocal bounded
        if name in memo:
            return memo[name]
        if name in active:
            bounded = False
            return 0, ()
        active.add(name)
        size, fixed = frames.get(name, (0, True))
        bounded = bounded and fixed
        below = max((deepest(callee) for callee in sorted(calls.get(name, ())) if callee != name), default=(0, ()))
        active.discard(name)
        memo[name] = (size + below[0], ((name, size), *below[1]))
        return memo[name]

    total, path = deepest(root)
    return StackUse(total_bytes=total, path=path, bounded=bounded)


def _plain(title: str) -> str:
    """The assembler name: local functions are written "file.cpp:name"."""
    return title.rsplit(":", 1)[-1]


def read_graph(text: str, frames: dict[str, tuple[int, bool]], calls: dict[str, set[str]]) -> None:
    """Add what a .ci file says."""
    for title, label in _NODE.findall(text):
        found = _FRAME.search(label)
        if found is None:
            continue
        name = _plain(title)
        old = frames.get(name, (0, True))
        frames[name] = (max(old[0], int(found[1])), old[1] and found[2] != "dynamic")
    for source, target in _EDGE.findall(text):
        if target != _INDIRECT:
            calls.setdefault(_plain(source), set()).add(_plain(target))


def read_listing(text: str, frames: dict[str, tuple[int, bool]], calls: dict[str, set[str]]) -> set[str]:
    """Add what a disassembly says: all calls, and bounds of frames that are not known.

    Returns:
        The functions that call through a pointer.
    """
    indirect: set[str] = set()
    known = set(frames)
    name = ""
    for line in text.splitlines():
        if start := _FUNCTION.match(line):
            name = start[1]
            continue
        if not name:
            continue
        if call := _CALL.search(line):
            calls.setdefault(name, set()).add(call[1])
        if _POINTER_CALL.search(line):
            indirect.add(name)
        if name not in known:
            old = frames.get(name, (0, True))
            frames[name] = (old[0] + _grows_by(line), old[1] and not _GROWS.search(line))
    return indirect


def _grows_by(line: str) -> int:
    """Bytes an instruction takes from the stack at most."""
    if push := _PUSH.search(line):
        return sum(_registers(part) for part in push[1].split(","))
    for pattern in (_SUB_ARM, _STORE_ARM, _ADD_XTENSA):
        if found := pattern.search(line):
            return int(found[1])
    return 0


def _registers(part: str) -> int:
    """Bytes of "r4", "r4-r7" or "d8-d9" in a register list."""
    names = part.strip().split("-")
    width = 8 if names[0].startswith("d") else 4
    if len(names) == 1:
        return width
    return width * (int(names[1][1:]) - int(names[0][1:]) + 1)
