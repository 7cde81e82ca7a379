"""STM32's independent watchdog, with instructions for time.

On the chip it counts a slow oscillator of its own. Here the core's instructions stand for time, and a period of that
oscillator is INSTRUCTIONS_PER_TICK of them: far fewer than on a chip, or a test would wait for minutes.

Source: RM0090 rev 19, 21.3 and 21.4.
"""

from __future__ import annotations

INSTRUCTIONS_PER_TICK = 400
_KEY, _PRESCALER, _RELOAD, _STATUS = 0x00, 0x04, 0x08, 0x0C
_FEED, _UNLOCK, _START = 0xAAAA, 0x5555, 0xCCCC


class Watchdog:
    """The four registers and the count.

    Attributes:
        running: started; nothing but a reset stops it.
        feeds: how often it was fed.
        passed: instructions known to have passed since the last feeding.
    """

    def __init__(self) -> None:
        self.running = False
        self.feeds = 0
        self.passed = 0
        self._unlocked = False
        self._prescaler = 0
        self._reload = 0xFFF

    @property
    def limit(self) -> int:
        """Instructions without feeding after which it resets the chip."""
        return (self._reload + 1) * (4 << min(self._prescaler, 6)) * INSTRUCTIONS_PER_TICK

    def read(self, offset: int) -> int:
        """A register; changes are taken over at once, so the status is always 0."""
        return {_PRESCALER: self._prescaler, _RELOAD: self._reload}.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        """A register."""
        if offset == _KEY:
            self._unlocked = value == _UNLOCK
            self.running = self.running or value == _START
            if value in (_FEED, _START):
                self.feeds += 1
                self.passed = 0
        elif self._unlocked and offset == _PRESCALER:
            self._prescaler = value & 7
        elif self._unlocked and offset == _RELOAD:
            self._reload = value & 0xFFF
