"""Downloads that resume where they broke off and are kept only when their checksum is right."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.files import write_atomic, writing
from tinygen.core.progress import Progress, silent

_BLOCK = 1 << 18
_ATTEMPTS = 5  # in a row without a new byte
_FINAL = (400, 401, 403, 404, 405, 410, 451)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file somewhere else.

    Attributes:
        name: of the file here.
        url: where it is.
        size_bytes: its size, 0 where nobody has said.
        checksum: "sha256:HEX" or "sha1:HEX"; "" = none is published: what came first is written down and holds.
    """

    name: str
    url: str
    size_bytes: int = 0
    checksum: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that is here now.

    Attributes:
        sha256: of its bytes.
        verified: against a published checksum; False where there is none.
        reused: it was here already.
        resumed: bytes that were here from an earlier attempt.
    """

    path: Path
    sha256: str
    verified: bool
    reused: bool
    resumed: int = 0


def fetch(
    file: RemoteFile,
    folder: Path,
    progress: Progress = silent,
    *,
    wait: Callable[[float], None] = time.sleep,
    timeout_s: float = 60.0,
) -> Fetched:
    """A file in `folder`, downloaded as far as it is not there yet.

    Args:
        file: what to get.
        folder: gets it, and `<name>.part` until it is whole.
        progress: told bytes.
        wait: sleeps that many seconds before trying again.
        timeout_s: without a byte.

    Raises:
        TinygenError: no connection, the server refuses, the disk is full, or the bytes are not the published ones.
    """
    final = folder / file.name
    if final.is_file():
        sha256 = _digest(final, "sha256")
        if _matches(file, final, sha256, folder):
            return Fetched(path=final, sha256=sha256, verified=bool(file.checksum), reused=True)
        final.unlink()  # somebody wrote into it; what is kept here is a copy
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.part"
    started_with = part.stat().st_size if part.is_file() else 0
    _refuse_full_disk(file, folder, started_with)
    resumed = _transfer(file, part, progress, wait, timeout_s)
    sha256 = _digest(part, "sha256")
    if not _matches(file, part, sha256, folder) and resumed:
        part.unlink()  # two halves of two versions: once more from the start
        resumed = _transfer(file, part, progress, wait, timeout_s)
        sha256 = _digest(part, "sha256")
    if not _matches(file, part, sha256, folder):
        size = part.stat().st_size
        part.unlink()
        _memory(part).unlink(missing_ok=True)
        raise tool_failed(
            f"came as {size:,} bytes with SHA-256 {sha256}; {_expected(file, folder)} is expected",
            where=file.url,
            hint="nothing was kept; try again, or look at the source's page whether the file was replaced",
        )
    if not file.checksum:
        write_atomic(_record(folder, file.name), f"{sha256}  {file.name}\n".encode())
    with writing(final):
        part.replace(final)
        _memory(part).unlink(missing_ok=True)
    return Fetched(path=final, sha256=sha256, verified=bool(file.checksum), reused=False, resumed=resumed)


def _transfer(file: RemoteFile, part: Path, progress: Progress, wait: Callable[[float], None], timeout_s: float) -> int:
    """Fill `part`; returns how many of its bytes an earlier run had left."""
    kept = part.stat().st_size if part.is_file() else 0
    failures = 0
    while True:
        before = part.stat().st_size if part.is_file() else 0
        try:
            restarted = _once(file, part, progress, timeout_s)
            return 0 if restarted else kept
        except urllib.error.HTTPError as error:
            if error.code == 416:  # our part is longer than the file: another version's
                if file.size_bytes and before == file.size_bytes:
                    return kept
                part.unlink(missing_ok=True)
            if error.code in _FINAL:
                raise tool_failed(
                    f"the server answers {error.code} {error.reason}", where=file.url, hint=_by_hand(file)
                ) from error
            reason = f"{error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, OSError, _CutShortError) as error:
            if isinstance(error, OSError) and error.errno == 28:
                raise tool_failed(
                    "the disk is full", where=str(part), hint="free some space; what came so far is kept"
                ) from error
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        except ValueError as error:
            raise bad_input(f"is no address: {error}", where=file.url) from error
        now = part.stat().st_size if part.is_file() else 0
        kept = min(kept, now)
        failures = 0 if now > before else failures + 1
        if failures >= _ATTEMPTS:
            raise tool_failed(
                f"the download broke off {_ATTEMPTS} times without a new byte: {reason}",
                where=file.url,
                hint=f"the same command goes on after {now:,} bytes" if now else _by_hand(file),
            )
        wait(min(2.0**failures, 30.0))


class _CutShortError(Exception):
    """The connection ended before the file did."""


def _once(file: RemoteFile, part: Path, progress: Progress, timeout_s: float) -> bool:
    """One request; returns True when it began anew."""
    have = part.stat().st_size if part.is_file() else 0
    request = urllib.request.Request(file.url, headers={"User-Agent": "tinygen", "Accept-Encoding": "identity"})
    validator = _validator(part, file.url)
    if have:
        request.add_header("Range", f"bytes={have}-")
        if validator:
            request.add_header("If-Range", validator)
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        begin = have if answer.status == 206 and _starts_at(answer.headers.get("Content-Range", ""), have) else 0
        announced = answer.headers.get("Content-Length", "")
        total = begin + int(announced) if announced.isdigit() else file.size_bytes
        if file.size_bytes and total > file.size_bytes:
            raise tool_failed(
                f"announces {total:,} bytes, {file.size_bytes:,} are expected",
                where=file.url,
                hint="the source has another file there now; see its page",
            )
        tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
        write_atomic(_memory(part), json.dumps({"url": file.url, "validator": tag}).encode())
        done = begin
        with part.open("r+b" if begin else "wb") as out:
            out.seek(begin)
            out.truncate()
            while block := answer.read(_BLOCK):
                out.write(block)
                done += len(block)
                progress(f"downloading {file.name}", done, max(total, done), f"{done / 1e6:.1f} MB")
        if total and done < total:
            raise _CutShortError(f"{done:,} of {total:,} bytes came")
    return begin != have


def _starts_at(content_range: str, have: int) -> bool:
    return content_range.removeprefix("bytes ").split("-")[0].strip() == str(have)


def _memory(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _validator(part: Path, url: str) -> str:
    """What the server called this version of the file; a weak tag cannot be asked for."""
    try:
        kept = json.loads(_memory(part).read_text())
        found = str(kept["validator"]) if kept["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return "" if found.startswith("W/") else found


def _record(folder: Path, name: str) -> Path:
    return folder / f"{name}.sha256"


def _recorded(folder: Path, name: str) -> str:
    path = _record(folder, name)
    return path.read_text().split()[0] if path.is_file() and path.read_text().split() else ""


def _matches(file: RemoteFile, path: Path, sha256: str, folder: Path) -> bool:
    if file.size_bytes and path.stat().st_size != file.size_bytes:
        return False
    kind, _, wanted = file.checksum.partition(":")
    if not wanted:
        return _recorded(folder, file.name) in ("", sha256)
    return (sha256 if kind == "sha256" else _digest(path, kind)) == wanted.lower()


def _expected(file: RemoteFile, folder: Path) -> str:
    said = file.checksum or f"sha256:{_recorded(folder, file.name)} (written down at the first fetch)"
    return f"{file.size_bytes:,} bytes, {said}" if file.size_bytes else said


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _refuse_full_disk(file: RemoteFile, folder: Path, have: int) -> None:
    free = shutil.disk_usage(folder).free
    if file.size_bytes and file.size_bytes - have > free:
        raise tool_failed(
            f"{file.size_bytes - have:,} bytes are still to come, {free:,} are free",
            where=str(folder),
            hint="free some space, or name another folder with --build-dir",
        )


def _by_hand(file: RemoteFile) -> str:
    return f"fetch {file.url} where there is a connection and put it here as {file.name}; its checksum decides"
