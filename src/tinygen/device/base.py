"""What all targets share: they are context managers that close the link they opened."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from tinygen.device.link import Capabilities, Link


class OpenOnce:
    """A target with one link at a time. Subclasses say how to boot."""

    def __init__(self, capabilities: Capabilities) -> None:
        self._capabilities = capabilities
        self._link: Link | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What it can do and prove."""
        return self._capabilities

    def _boot(self) -> Link:
        raise NotImplementedError

    def open(self) -> Link:
        """Boot the image (or open the port) and return the stream; an earlier one is closed."""
        self.close()
        try:
            self._link = self._boot()
        except BaseException:
            self.close()
            raise
        return self._link

    def close(self) -> None:
        """Let go of the device. Safe to call twice."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
