"""The cycle counter of a simulated core counts instructions, from the first look at it until the program idles."""

from __future__ import annotations

from typing import Any

from tinygen.device.thumb import count_instructions


class InstructionCounter:
    """Counts whole blocks of translated code, as each is entered; without being looked at it costs nothing.

    Args:
        uc: the core.
        block_hook: unicorn's number for hooks of blocks.

    Attributes:
        asked: the program has looked at the counter while it stood still: the core was stopped, `start` is next.
    """

    def __init__(self, uc: Any, block_hook: int) -> None:
        self._uc = uc
        self._kind = block_hook
        self._counted = 0
        self._hook: int | None = None
        self._lengths: dict[tuple[int, int], int] = {}
        self.asked = False

    def read(self) -> int:
        """What the program sees; called by the core while it runs."""
        self._counted += 1
        if self._hook is None:
            self.asked = True
            self._uc.emu_stop()
        return self._counted

    def start(self) -> None:
        """Count from here on."""
        self.asked = False
        self._hook = self._uc.hook_add(self._kind, self._count_block)
        self._uc.ctl_flush_tb()

    def stop(self) -> None:
        """Stand still until the next look."""
        if self._hook is not None:
            self._uc.hook_del(self._hook)
            self._hook = None
            self._uc.ctl_flush_tb()

    def _count_block(self, uc: Any, address: int, size: int, _data: Any) -> None:
        try:
            self._counted += self._lengths[address, size]
        except KeyError:
            length = count_instructions(bytes(uc.mem_read(address, size)))
            self._lengths[address, size] = length
            self._counted += length
