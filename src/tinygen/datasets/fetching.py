"""A published data set by its name: downloaded, verified, unpacked, written anew in the dataset layout."""

from __future__ import annotations

import json
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tinygen.core.errors import bad_input, tool_failed
from tinygen.core.files import writing
from tinygen.core.progress import Progress, silent
from tinygen.datasets.download import Fetched, RemoteFile, fetch
from tinygen.datasets.importing.motion import is_magic_wand, is_uci_har
from tinygen.datasets.importing.run import import_data
from tinygen.datasets.layout import Facts, Written
from tinygen.datasets.manifest import DatasetManifest, Listing
from tinygen.datasets.readers.audio import is_class_folder_tree
from tinygen.datasets.unpack import unpack

_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar")


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A data set that is here now, and the files it came from."""

    written: Written
    files: tuple[Fetched, ...]


def fetch_dataset(manifest: DatasetManifest, folder: Path, cache: Path, progress: Progress = silent) -> Got:
    """Everything from the download to a folder for `--data`.

    Args:
        manifest: of a data set that is downloaded.
        folder: the new data set.
        cache: keeps the downloaded files; an interrupted download goes on there.
        progress: told bytes and recordings.

    Raises:
        TinygenError: the set is made here and not downloaded; as `download.fetch`, `unpack` and `import_data`.
    """
    if not manifest.files:
        raise bad_input(
            f"'{manifest.name}' is not downloaded: {manifest.generator} makes it",
            hint=f"it is what --task {manifest.task} uses without --data",
        )
    if folder.exists() and any(folder.iterdir()):
        raise bad_input("exists already", where=str(folder), hint="name a new folder with -o")
    kept = cache / manifest.name
    wanted = manifest.files
    if manifest.listing is not None and any(not (kept / _flat(f.name)).is_file() for f in wanted):
        wanted = addressed(wanted, manifest.listing)
    got = tuple(fetch(replace(f, name=_flat(f.name)), kept, progress) for f in wanted)
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".unpacked", dir=folder.parent))
    try:
        source = _source(got, work, manifest.rules.kind, progress)
        origin = manifest.files[0].url if manifest.files[0].url else manifest.source
        notes = tuple(_said(file) for file in got) if len(got) <= 3 else (f"{len(got)} files, each by its SHA-256",)
        facts = Facts(
            name=manifest.name,
            title=manifest.title,
            task=manifest.task,
            licence=manifest.licence,
            attribution=manifest.attribution,
            source=origin,
            units=manifest.units,
            notes=notes,
        )
        return Got(written=import_data(source, folder, facts, manifest.rules, progress), files=got)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _any_folder(folder: Path) -> bool:
    return folder.is_dir()


def _said(file: Fetched) -> str:
    how = "verified" if file.verified else "no checksum is published: written down at the first fetch"
    return f"{file.path.name}: SHA-256 {file.sha256} ({how})"


def _flat(name: str) -> str:
    return name.replace("/", "__")


def _source(files: tuple[Fetched, ...], work: Path, kind: str, progress: Progress) -> Path:
    """The folder with the recordings: the downloaded files, or what was in the archives."""
    if not files[0].path.name.lower().endswith(_ARCHIVES):
        for file in files:
            (work / file.path.name).symlink_to(file.path.resolve())
        return work
    for file in files:
        unpack(file.path, work, progress)
    for inner in sorted(work.rglob("*.zip")):
        unpack(inner, work, progress)
    known: dict[str, Callable[[Path], bool]] = {
        "uci_har": is_uci_har, "magic_wand": is_magic_wand,
        "audio": is_class_folder_tree, "speech_commands": is_class_folder_tree,
    }  # fmt: skip
    matches = known.get(kind, _any_folder)
    folders = [work, *sorted((p for p in work.rglob("*") if p.is_dir()), key=lambda p: (len(p.parts), p.name))]
    found = next((folder for folder in folders if matches(folder)), None)
    if found is None:
        raise bad_input("the archive does not hold what its manifest says", where=files[0].path.name)
    return found


def addressed(files: tuple[RemoteFile, ...], listing: Listing, timeout_s: float = 60.0) -> tuple[RemoteFile, ...]:
    """The files with the addresses their repository lists.

    Mendeley Data's public interface: /folders/<version> names folders, /files?folder_id= names files with addresses.

    Raises:
        TinygenError: no connection, another answer than expected, or a file that is not listed.
    """
    api = f"{listing.base}/{listing.id}"
    found: dict[str, str] = {}
    try:
        folders = {f["id"]: f for f in _json(f"{api}/folders/{listing.version}", timeout_s)}
        for identifier in ("root", *folders):
            path, at = "", identifier
            while at in folders:
                path, at = f"{folders[at]['name']}/{path}", folders[at].get("parent_id")
            for f in _json(f"{api}/files?folder_id={identifier}&version={listing.version}", timeout_s):
                found[(path + f["filename"]).removeprefix(listing.prefix)] = f["content_details"]["download_url"]
    except (KeyError, TypeError, AttributeError) as error:
        raise tool_failed("its list of files has another form than expected", where=api) from error
    missing = [f.name for f in files if f.name not in found]
    if missing:
        raise tool_failed(f"does not list {missing[0]} ({len(missing)} files are missing)", where=api)
    return tuple(replace(f, url=found[f.name]) for f in files)


def _json(url: str, timeout_s: float) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "tinygen", "Accept": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise tool_failed(
            f"cannot be asked for its files: {reason}", where=url, hint="is there a connection?"
        ) from error
