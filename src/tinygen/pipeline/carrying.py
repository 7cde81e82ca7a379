"""A threshold found by a judgement, written into tinygen.toml: nothing else of the file changes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic

_TABLE = re.compile(r"^\s*\[\s*stream\s*\][^\n]*\n?", re.MULTILINE)
_NEXT = re.compile(r"^\s*\[", re.MULTILINE)
_KEY = re.compile(r"^(\s*threshold\s*=\s*)([^\s#]+)", re.MULTILINE)


def with_stream_threshold(text: str, threshold: int) -> str:
    """The text of a tinygen.toml with `threshold` in its table [stream], which is added where it is missing."""
    table = _TABLE.search(text)
    if table is None:
        return f"{text}{'' if text.endswith(chr(10)) or not text else chr(10)}\n[stream]\nthreshold = {threshold}\n"
    following = _NEXT.search(text, table.end())
    end = following.start() if following else len(text)
    body, found = _KEY.subn(rf"\g<1>{threshold}", text[table.end() : end], count=1)
    if not found:
        body = f"threshold = {threshold}\n{body}"
    head = text[: table.end()]
    return f"{head if head.endswith(chr(10)) else head + chr(10)}{body}{text[end:]}"


def writable(path: Path | None) -> Path:
    """The file that a threshold would be written into.

    Raises:
        TinygenError: there is none.
    """
    if path is None:
        raise bad_input("there is no tinygen.toml to write into", where="--keep", hint="`tinygen init` writes one")
    return path


def write_threshold(file: Path | None, threshold: int) -> Path:
    """Put the threshold into the file; returns its path.

    Raises:
        TinygenError: there is none, or its table [stream] is written in a way that is not changed by hand safely.
    """
    path = writable(file)
    old = path.read_text(encoding="utf-8")
    new = with_stream_threshold(old, threshold)
    try:
        before, after = tomllib.loads(old), tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        before, after = {}, {}
    if not after or {**before, "stream": {**before.get("stream", {}), "threshold": threshold}} != after:
        raise bad_input(f"write it yourself: [stream] threshold = {threshold}", where=str(path))
    write_atomic(path, new.encode())
    return path
