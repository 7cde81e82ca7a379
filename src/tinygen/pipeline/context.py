"""What every verb needs: the configuration, where results are kept, how progress is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.boards.spec import BoardSpec
from tinygen.config import Config
from tinygen.core.progress import Progress, silent
from tinygen.core.store import Store
from tinygen.model.selection import Options

# What PlatformIO, an editor and git keep in a project folder of ours.
PROJECT_KEEPS = (".pio", ".vscode", ".git", "renode")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One invocation.

    Attributes:
        offline: True never asks PlatformIO's registry, False always does, None finds out.
        werror: warnings of the generated project are errors.
        kit: exported vectors to work from, instead of training and asking the oracle.
        trains: the verb is about training: a ready model is taken only where --model says so.
    """

    config: Config
    progress: Progress = field(default=silent)
    offline: bool | None = None
    werror: bool = False
    kit: Path | None = None
    trains: bool = False

    @property
    def board(self) -> BoardSpec:
        """The board of the configuration.

        Raises:
            TinygenError: unknown board, or a framework it does not have.
        """
        return with_framework(find_board(self.config.board), self.config.framework)

    @property
    def place(self) -> str:
        """What this task's results for this board are filed under."""
        framework = f"-{self.config.framework}" if self.config.framework else ""
        return f"{self.config.task}-{self.board.id}{framework}"

    @property
    def reach(self) -> tuple[str, ...]:
        """`--offline` or `--online`, where it was said."""
        return () if self.offline is None else ("--offline",) if self.offline else ("--online",)

    @property
    def options(self) -> Options:
        """What kernels are chosen for."""
        spare_ram = self.config.ram_budget_bytes is None  # a budget is for what needs RAM
        return Options(optimize=self.config.optimize, kernels=self.config.kernels, spare_ram=spare_ram)

    @property
    def ring_s(self) -> float:
        """So much of the signal waits in the device at least."""
        return 0.0 if self.config.sensor is None else self.config.sensor.ring_s

    @property
    def store(self) -> Store:
        """Where finished steps are."""
        return Store(self.config.build_dir / "steps")

    @property
    def cache_dir(self) -> Path:
        """Where rooms keep what they can make again (synthesised speech, oracle answers)."""
        return self.config.build_dir / "cache"

    @property
    def project_dir(self) -> Path:
        """The generated PlatformIO project of this task and board."""
        return self.config.build_dir / "projects" / self.place

    @property
    def reports_dir(self) -> Path:
        """The last report of each verb."""
        return self.config.build_dir / "reports" / self.place

    @property
    def page(self) -> Path:
        """The HTML report of this task and board."""
        return self.config.build_dir / f"report-{self.place}.html"

    def log(self, name: str) -> Path:
        """The log file of a tool run."""
        return self.config.build_dir / "logs" / f"{self.place}-{name}.log"
