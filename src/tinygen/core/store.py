"""Results keyed by the digest of everything that went in: an unchanged step is not redone, a changed one is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tinygen.core.canonical import digest, pretty_json
from tinygen.core.files import building_directory, write_atomic

_INPUTS = "inputs.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """Where a step's result lies, and whether it was there already."""

    name: str
    key: str
    path: Path
    reused: bool


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of finished steps. A folder exists only when its step ended well."""

    root: Path

    def step(self, name: str, inputs: Mapping[str, object], make: Callable[[Path], None]) -> StepResult:
        """Return the step's folder, calling `make(folder)` first when no folder with these inputs exists.

        Args:
            name: the step: "train", "convert"...
            inputs: everything that determines the result; canonical JSON of it is the key.
            make: fills an empty temporary folder, which is moved into place only when it returns.

        Raises:
            TinygenError: when the folder cannot be written; whatever `make` raises.
        """
        key, path = self._place(name, inputs)
        if (path / _INPUTS).is_file():
            return StepResult(name=name, key=key, path=path, reused=True)
        with building_directory(path) as folder:
            make(folder)
            write_atomic(folder / _INPUTS, pretty_json(inputs).encode())
        return StepResult(name=name, key=key, path=path, reused=False)

    def has(self, name: str, inputs: Mapping[str, object]) -> bool:
        """Whether the step was finished with these inputs."""
        return (self._place(name, inputs)[1] / _INPUTS).is_file()

    def _place(self, name: str, inputs: Mapping[str, object]) -> tuple[str, Path]:
        key = digest({"step": name, "inputs": inputs})
        return key, self.root / f"{name}-{key[:16]}"
