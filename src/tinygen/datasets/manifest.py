"""`datasets/<name>/manifest.toml`: what a data set is, where it comes from and what may be done with it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tinygen.core.errors import bad_input
from tinygen.core.resources import resource_dir


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetManifest:
    """A data set that tinygen knows by name.

    Attributes:
        name: "kws-synth".
        task: the task it serves.
        licence: SPDX id, or "none stated".
        labels: class names in it.
        group_kind: what its split keeps apart.
        synthetic: made by a generator; figures from it are labelled so.
        generator: the module that makes it; "" for downloads.
        how: what is done to make or fetch it.
        units: what one int16 step means.
        rate_hz, n_channels: of its recordings.
        needs: programs that must be installed (one of them suffices when `needs_any`).
    """

    name: str
    title: str
    task: str
    licence: str
    labels: tuple[str, ...]
    group_kind: str
    synthetic: bool
    generator: str
    how: str
    units: str
    rate_hz: int
    n_channels: int
    needs: tuple[str, ...]
    needs_any: bool


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    title: str
    task: Literal["kws", "vibration", "gesture"]
    licence: str
    labels: list[str]
    group_kind: Literal["speaker", "bearing", "person", "recording"]
    synthetic: bool
    generator: str
    how: str
    units: str
    rate_hz: int
    n_channels: int
    needs: list[str] = []
    needs_any: bool = False


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
    return DatasetManifest(
        name=parsed.name,
        title=parsed.title,
        task=parsed.task,
        licence=parsed.licence,
        labels=tuple(parsed.labels),
        group_kind=parsed.group_kind,
        synthetic=parsed.synthetic,
        generator=parsed.generator,
        how=parsed.how.strip(),
        units=parsed.units,
        rate_hz=parsed.rate_hz,
        n_channels=parsed.n_channels,
        needs=tuple(parsed.needs),
        needs_any=parsed.needs_any,
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
