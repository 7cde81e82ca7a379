"""Flash cells that keep their bytes without power, and what they look like when it went in the middle of a change."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from tinygen.core.errors import bad_input
from tinygen.core.files import write_atomic

_MARK = b"TGSF"
_HEAD = struct.Struct("<4sII")


class FlashMemory:
    """Sectors a program may write, from `start` on, as the power leaves them.

    Attributes:
        operations: erasures and programmings so far.
        cut_after: in the middle of which one the power goes (0: the first); None: never. Then it is None again.
        cut_kind: what the cut leaves: "before" nothing has changed, "within" some bits have, "after" all have.
        seed: of the bits that a cut changes.
        divided: option bytes divide the flash as the board's facts say.
        stuck: {offset: mask} of bits that no programming brings to 0 any more (byte offsets).
    """

    def __init__(self, start: int, size_bytes: int) -> None:
        self.start = start
        self.cells = bytearray(b"\xff" * size_bytes)
        self.torn: set[int] = set()
        self.programmed: set[int] = set()
        self.operations = 0
        self.cut_after: int | None = None
        self.cut_kind = "within"
        self.seed = 0
        self.divided = True
        self.stuck: dict[int, int] = {}

    def holds(self, address: int, size: int) -> bool:
        """Whether all of it lies in these sectors."""
        return self.start <= address and address + size <= self.start + len(self.cells)

    def next_is_cut(self) -> random.Random | None:
        """Count an operation; a source of bits if the power goes in its middle."""
        number, self.operations = self.operations, self.operations + 1
        if self.cut_after is None or number < self.cut_after:
            return None
        self.cut_after = None
        return random.Random(f"{self.seed} {number}")

    def read(self, address: int, size: int) -> int:
        """Little-endian."""
        at = address - self.start
        return int.from_bytes(self.cells[at : at + size], "little")

    def is_torn(self, address: int, word_bytes: int) -> bool:
        """Whether the word around `address` was not programmed to its end, or more than once."""
        at = address - self.start
        return at - at % word_bytes in self.torn

    def is_erased(self, address: int, size: int) -> bool:
        """Whether the word may be programmed: erased, and not touched since."""
        return address - self.start not in self.programmed and self.read(address, size) == (1 << 8 * size) - 1

    def erase(self, address: int, size: int, *, cut: random.Random | None) -> None:
        """All bits 1. A cut "within" leaves some cells old, some erased and some between."""
        at = address - self.start
        inside = range(at, at + size)
        if cut is not None and self.cut_kind == "before":
            return
        if cut is None or self.cut_kind == "after":
            self.cells[at : at + size] = b"\xff" * size
            self.torn -= {place for place in self.torn if place in inside}
            self.programmed -= {place for place in self.programmed if place in inside}
            return
        for place in inside:
            self.cells[place] |= cut.getrandbits(8) | cut.getrandbits(8)
        self.torn |= {place for place in range(at, at + size, 8) if cut.random() < 0.25}

    def program(
        self, address: int, data: bytes, *, cut: random.Random | None, word: bool = False, torn: bool = False
    ) -> None:
        """Bits to 0.

        Args:
            data: what to program; all of a word where there is error correction.
            cut: the power goes meanwhile.
            word: with error correction: what is not programmed to its end cannot be read any more.
            torn: the word was programmed before, so that its correction fits neither.
        """
        at = address - self.start
        if cut is not None and self.cut_kind == "before":
            return
        self.programmed.add(at)
        within = cut is not None and self.cut_kind == "within"
        for place, byte in enumerate(data, at):
            left = self.stuck.get(place, 0)
            if within and cut is not None:
                left |= cut.getrandbits(8)
            self.cells[place] &= byte | left
        if word and (within or torn):
            self.torn.add(at)

    def image(self) -> bytes:
        """Everything that outlives the power, for a file."""
        torn, programmed = sorted(self.torn), sorted(self.programmed)
        head = _HEAD.pack(_MARK, len(self.cells), len(torn))
        return head + bytes(self.cells) + struct.pack(f"<{len(torn)}I{len(programmed)}I", *torn, *programmed)

    def take(self, image: bytes, where: str) -> None:
        """What `image` gave, in an earlier session.

        Raises:
            TinygenError: it is of another board, or no such image.
        """
        mark, size, torn = _HEAD.unpack_from(image) if len(image) >= _HEAD.size else (b"", 0, 0)
        rest = len(image) - _HEAD.size - size
        if mark != _MARK or rest < 4 * torn or rest % 4:
            raise bad_input("is no flash of a simulated board", where=where, hint="remove the file to begin anew")
        if size != len(self.cells):
            raise bad_input(
                f"holds {size:,} bytes of flash, this image keeps its state in {len(self.cells):,}",
                where=where,
                hint="it belongs to another board; remove the file to begin anew",
            )
        self.cells[:] = image[_HEAD.size : _HEAD.size + size]
        words = struct.unpack_from(f"<{rest // 4}I", image, _HEAD.size + size)
        self.torn, self.programmed = set(words[:torn]), set(words[torn:])


def read_file(memory: FlashMemory, path: Path) -> None:
    """Take what an earlier session left in a file; nothing where there is none.

    Raises:
        TinygenError: it cannot be read, or as `FlashMemory.take`.
    """
    try:
        memory.take(path.read_bytes(), str(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise bad_input(f"cannot be read: {error.strerror}", where=str(path)) from error


def write_file(memory: FlashMemory, path: Path) -> None:
    """Leave it to the next session.

    Raises:
        TinygenError: the file cannot be written.
    """
    write_atomic(path, memory.image())
