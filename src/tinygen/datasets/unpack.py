"""Archives unpacked into a folder; nothing in them can write outside of it."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.files import writing
from tinygen.core.progress import Progress, silent

_TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def unpack(archive: Path, folder: Path, progress: Progress = silent) -> int:
    """Unpack a .tar(.gz|.bz2|.xz) or .zip file; returns the number of files.

    Links, devices and names that lead out of `folder` are refused; macOS's `._` companions are left out.

    Raises:
        TinygenError: no archive that is known, a damaged one, one with names that lead elsewhere, or a full disk.
    """
    name = archive.name.lower()
    try:
        if name.endswith(_TAR):
            with tarfile.open(archive) as tar:
                return _write(archive, _tar_files(tar, archive), folder, progress)
        if name.endswith(".zip"):
            with zipfile.ZipFile(archive) as packed:
                needed = sum(item.file_size for item in packed.infolist())
                _refuse_full_disk(needed, folder)
                return _write(archive, _zip_files(packed), folder, progress)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise bad_input(f"is no readable archive: {error}", where=str(archive), hint="fetch it again") from error
    raise bad_input("is no archive that is read", where=str(archive), hint="use .tar.gz or .zip")


def _tar_files(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    for member in tar:
        if member.isdir():
            continue
        content = tar.extractfile(member) if member.isfile() else None
        if content is None:
            raise bad_input(f"holds '{member.name}', which is no file", where=str(archive), hint="unpack it by hand")
        yield member.name, content


def _zip_files(packed: zipfile.ZipFile) -> Iterator[tuple[str, IO[bytes]]]:
    for item in packed.infolist():
        if not item.is_dir():
            with packed.open(item) as content:
                yield item.filename, content


def _write(archive: Path, files: Iterator[tuple[str, IO[bytes]]], folder: Path, progress: Progress) -> int:
    count = 0
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files:
            relative = PurePosixPath(name.replace("\\", "/"))
            if relative.is_absolute() or ".." in relative.parts or not relative.parts or ":" in relative.parts[0]:
                raise bad_input(f"holds '{name}', which leads out of it", where=str(archive), hint="do not trust it")
            if relative.name.startswith("._") or "__MACOSX" in relative.parts:
                continue
            target = folder / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as out:
                shutil.copyfileobj(content, out)
            count += 1
            if count % 256 == 0:
                progress(f"unpacking {archive.name}", count, count + 1, f"{count:,} files")
    progress(f"unpacking {archive.name}", count, count, f"{count:,} files")
    return count


def _refuse_full_disk(needed: int, folder: Path) -> None:
    at = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(at).free
    if needed > free:
        raise tool_failed(f"{needed:,} bytes are to be unpacked, {free:,} are free", where=str(folder))
