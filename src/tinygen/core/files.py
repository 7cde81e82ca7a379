"""Files that are either the old one or the new one, never half of it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from tinygen.core.errors import ExitCode, TinygenError

WRONG_PLACES = frozenset(
    getattr(errno, name)
    for name in (
        "EACCES", "EPERM", "EROFS", "ENOENT", "ENOTDIR", "EISDIR", "EEXIST", "ENOTEMPTY", "ENAMETOOLONG", "ELOOP",
        "EINVAL",
    )
)  # fmt: skip
"""What an OSError says of a path that was badly chosen; another (no space, a broken disk) is the machine's fault."""


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError raised while writing `path` into a TinygenError that names it and says nothing was lost."""
    try:
        yield
    except OSError as error:
        wrong = error.errno in WRONG_PLACES
        help_ = "name another place, or check the permissions" if wrong else "free some space"
        raise TinygenError(
            ExitCode.BAD_INPUT if wrong else ExitCode.TOOL_FAILED,
            f"cannot write: {error.strerror or error}",
            where=str(path),
            hint=f"nothing was changed; {help_}, then run the same command again",
        ) from error


def unwritable(path: Path, *, folder: bool) -> str:
    """Why nothing could be written there, as far as can be told before it is tried; "" when nothing speaks against it.

    Args:
        path: a file or folder that need not exist yet; neither do the folders above it.
        folder: it is to be a folder.
    """
    if "\0" in str(path):
        return "is no name of a file"
    try:
        if path.exists():
            if folder and not path.is_dir():
                return "is no folder"
            if not folder and path.is_dir():
                return "is a folder, no file"
            if not os.access(path, os.W_OK):
                return "may not be written by you"
            return _tried(path) if folder else ""
        above = path.absolute().parent
        while not above.exists():
            above = above.parent
    except OSError as error:
        return f"cannot be used: {error.strerror or error}"
    if not above.is_dir():
        return f"lies below a file: {above}"
    return _tried(above)


def _tried(folder: Path) -> str:
    """Why no file can be made in a folder: tried with one without a name, because permissions do not tell all."""
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return f"lies where you may not write, in {folder}: {error.strerror or error}"
    return ""


def write_atomic(path: Path, data: bytes) -> None:
    """Replace a file's content in one step; its folder is made if missing.

    Raises:
        TinygenError: when the disk is full or the place is not writable; the old file is then still there.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file() and not path.is_dir():
            # A device or a pipe takes the bytes; replacing it by a file would take it away from everybody.
            path.write_bytes(data)
            return
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            Path(temporary).chmod(mode)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def write_if_changed(path: Path, data: bytes) -> bool:
    """Like `write_atomic`, but leaves an identical file and its time stamp alone. Returns True when it wrote."""
    if path.is_file() and path.read_bytes() == data:
        return False
    write_atomic(path, data)
    return True


def write_tree(root: Path, files: Mapping[str, bytes], *, keep: tuple[str, ...] = ()) -> int:
    """Make a folder hold exactly `files`; returns how many files were written or removed.

    Args:
        root: the folder.
        files: {POSIX path relative to root: content}.
        keep: names of top-level entries below root that are left alone (for instance ".pio").

    Raises:
        TinygenError: when something cannot be written.
    """
    changed = sum(write_if_changed(root / PurePosixPath(name), data) for name, data in sorted(files.items()))
    wanted = {PurePosixPath(name) for name in files}
    with writing(root):
        for path in sorted(root.rglob("*"), reverse=True):
            relative = PurePosixPath(path.relative_to(root).as_posix())
            if relative.parts[0] in keep:
                continue
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif relative not in wanted:
                path.unlink()
                changed += 1
    return changed


def write_own(root: Path, files: Mapping[str, bytes], *, record: str = ".tinygen-files") -> int:
    """Write `files` into a folder that is somebody else's too; returns how many files were written or removed.

    What an earlier call wrote and this one does not is removed; whatever else is there stays.

    Args:
        root: the folder.
        files: {POSIX path relative to root: content}.
        record: file below root that remembers what is ours.

    Raises:
        TinygenError: when something cannot be written.
    """
    memory = root / record
    with writing(memory):
        names = memory.read_text(encoding="utf-8").splitlines() if memory.is_file() else []
    before = {PurePosixPath(name) for name in names}
    ours = {path for path in before if path.parts and not path.is_absolute() and ".." not in path.parts}
    now = {PurePosixPath(name) for name in files}
    changed = sum(write_if_changed(root / PurePosixPath(name), data) for name, data in sorted(files.items()))
    with writing(root):
        for path in sorted(ours - now, reverse=True):
            if (root / path).is_file():
                (root / path).unlink()
                changed += 1
            parent = (root / path).parent
            if parent != root and parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
    write_if_changed(memory, "".join(f"{name}\n" for name in sorted(files)).encode())
    return changed


def place_tree(root: Path, files: Mapping[str, bytes], *, named: bool, keep: tuple[str, ...] = ()) -> None:
    """Write a generated tree: into a folder that the user named as `write_own`, into one of ours as `write_tree`.

    Args:
        root: the folder.
        files: {POSIX path relative to root: content}.
        named: the user named the folder, so files of his own stay.
        keep: as in `write_tree`.

    Raises:
        TinygenError: when something cannot be written.
    """
    if named:
        write_own(root, files)
    else:
        write_tree(root, files, keep=keep)


@contextlib.contextmanager
def building_directory(final: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `final` when the block ends well, and vanishes when it does not."""
    with writing(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{final.name}.", suffix=".tmp", dir=final.parent))
        temporary.chmod(0o777 & ~_umask())  # a folder like any other, not one for its owner alone
    try:
        yield temporary
        with writing(final):
            if final.exists():
                shutil.rmtree(final)
            temporary.replace(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
