"""How many instructions a piece of Thumb-2 code has."""

from __future__ import annotations


def count_instructions(code: bytes) -> int:
    """Instructions in a basic block.

    A halfword whose top five bits are 0b11101, 0b11110 or 0b11111 begins a 32-bit instruction, every other one is an
    instruction of 16 bits. Source: ARMv7-M Architecture Reference Manual, A5.1.
    """
    count = 0
    position = 1  # the high byte of the first halfword
    while position < len(code):
        position += 4 if code[position] >> 3 >= 0b11101 else 2
        count += 1
    return count
