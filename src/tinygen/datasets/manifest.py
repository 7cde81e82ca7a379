"""`datasets/<name>/manifest.toml`: what a data set is, where it comes from and what may be done with it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from tinygen.core.errors import bad_input, did_you_mean
from tinygen.core.resources import resource_dir
from tinygen.datasets.download import RemoteFile
from tinygen.datasets.importing.request import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Files that a repository lists by an interface of its own, instead of by fixed addresses.

    Attributes:
        kind: "mendeley". base: address of the interface. id, version: of the data set there.
        prefix: of the names there that the manifest's names lack.
    """

    kind: str
    base: str
    id: str
    version: int
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetManifest:
    """A data set that tinygen knows by name.

    Attributes:
        name: "kws-synth".
        task: the task it serves.
        licence: SPDX id, or "none stated". attribution: what the licence wants said.
        labels: class names in it.
        group_kind: what its split keeps apart. split_rule: how its sides come about.
        synthetic: made by a generator; figures from it are labelled so.
        generator: the module that makes it; "" for downloads.
        source: the page that describes it.
        how: what is done to make or fetch it.
        units: what one int16 step means.
        rate_hz, n_channels: of its recordings.
        needs: programs that must be installed (one of them suffices when `needs_any`).
        files: what is downloaded, with sizes and checksums. checksum_origin: who published those.
        listing: how the files' addresses are found where `files` have none.
        rules: how the downloaded files are understood.
    """

    name: str
    title: str
    task: str
    licence: str
    attribution: str
    labels: tuple[str, ...]
    group_kind: str
    split_rule: str
    synthetic: bool
    generator: str
    source: str
    how: str
    units: str
    rate_hz: int
    n_channels: int
    needs: tuple[str, ...]
    needs_any: bool
    files: tuple[RemoteFile, ...]
    checksum_origin: str
    listing: Listing | None
    rules: Rules

    @property
    def size_bytes(self) -> int:
        """Of the download; 0 for what is made here, or unknown."""
        return sum(file.size_bytes for file in self.files)


def _checksum(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}", value):
        raise ValueError("is no checksum; write sha256: and 64 hex digits, or sha1: and 40")
    return value


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _File(_Table):
    name: str
    url: str = ""
    size_bytes: int = Field(default=0, ge=0)
    checksum: Annotated[str, AfterValidator(_checksum)] | None = None


class _Listing(_Table):
    kind: Literal["mendeley"]
    base: str
    id: str
    version: int
    prefix: str = ""


class _Rules(_Table):
    kind: str = "auto"
    pattern: str = ""
    labels: dict[str, str] = {}
    only: bool = False
    words: list[str] = []
    unknown_share: float = Field(default=1.0, ge=0.0, le=1.0)
    rate_hz: int = 0
    variables: list[str] = []
    columns: list[int] = []
    seconds: float = 0.0


class _Manifest(_Table):
    name: str
    title: str
    task: Literal["kws", "vibration", "gesture"]
    licence: str
    attribution: str = ""
    labels: list[str]
    group_kind: Literal["speaker", "bearing", "person", "recording"]
    split_rule: str
    synthetic: bool
    generator: str = ""
    source: str = ""
    how: str
    units: str
    rate_hz: int
    n_channels: int
    needs: list[str] = []
    needs_any: bool = False
    files: list[_File] = []
    checksum_origin: str = ""
    listing: _Listing | None = None
    rules: _Rules = _Rules()


def load_manifest(path: Path) -> DatasetManifest:
    """Read and check one manifest.

    Raises:
        TinygenError: it is not TOML or a key is missing, unknown or of the wrong type; all faults are named at once.
    """
    try:
        parsed = _Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise bad_input(f"cannot be read: {error}", where=str(path)) from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise bad_input(f"is not a dataset manifest: {faults}", where=str(path)) from error
    if bool(parsed.generator) == bool(parsed.files):
        raise bad_input("has neither a generator nor files, or both", where=str(path))
    rules = parsed.rules
    return DatasetManifest(
        name=parsed.name,
        title=parsed.title,
        task=parsed.task,
        licence=parsed.licence,
        attribution=parsed.attribution,
        labels=tuple(parsed.labels),
        group_kind=parsed.group_kind,
        split_rule=parsed.split_rule,
        synthetic=parsed.synthetic,
        generator=parsed.generator,
        source=parsed.source,
        how=parsed.how.strip(),
        units=parsed.units,
        rate_hz=parsed.rate_hz,
        n_channels=parsed.n_channels,
        needs=tuple(parsed.needs),
        needs_any=parsed.needs_any,
        files=tuple(
            RemoteFile(name=f.name, url=f.url, size_bytes=f.size_bytes, checksum=f.checksum or "") for f in parsed.files
        ),
        checksum_origin=parsed.checksum_origin,
        listing=None if parsed.listing is None else Listing(**parsed.listing.model_dump()),
        rules=Rules(
            kind=rules.kind,
            pattern=rules.pattern,
            labels=rules.labels,
            only=rules.only,
            words=tuple(rules.words),
            unknown_share=rules.unknown_share,
            rate_hz=rules.rate_hz,
            variables=tuple(rules.variables),
            columns=tuple(rules.columns),
            seconds=rules.seconds,
        ),
    )


def load_manifests() -> dict[str, DatasetManifest]:
    """All data sets tinygen knows, by name.

    Raises:
        TinygenError: as `load_manifest`; or a folder whose name is not its manifest's name.
    """
    found: dict[str, DatasetManifest] = {}
    for path in sorted(resource_dir("datasets").glob("*/manifest.toml")):
        manifest = load_manifest(path)
        if manifest.name != path.parent.name:
            raise bad_input(f"name is '{manifest.name}', its folder is '{path.parent.name}'", where=str(path))
        found[manifest.name] = manifest
    return found


def find_manifest(name: str) -> DatasetManifest:
    """A data set by its name.

    Raises:
        TinygenError: there is none.
    """
    known = load_manifests()
    if name not in known:
        raise bad_input(f"there is no data set '{name}'", hint=did_you_mean(name, known))
    return known[name]
