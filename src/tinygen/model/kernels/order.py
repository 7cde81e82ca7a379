"""How close a kernel's output may come to its input: the exact distance, from the order of its reads and writes.

A kernel is a sequence of events; each reads from some lowest byte on, and then writes up to some byte. The output may
start at or below `input offset - distance` exactly when no write reaches a byte that a later event still reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tinygen.model.kernels.base import first_tap
from tinygen.model.lowering import Lowered

Int64 = npt.NDArray[np.int64]
# (parameters, whether the window lies inside) -> per event of a pixel: (first channel read, channels written so far).
Events = Callable[[Mapping[str, int], bool], list[tuple[int, int]]]
_NOTHING = np.int64(1) << 40


def exact_distance(lowest_read: Int64, write_end: Int64, input_bytes: int) -> int:
    """The distance of a sequence of events, each of which reads before it writes.

    Args:
        lowest_read: of each event, in bytes from the input's start; huge when it reads nothing.
        write_end: of each event, one past the last byte, in bytes from the output's start.
        input_bytes: the input's size; an output that starts behind it never matters.
    """
    later = np.minimum.accumulate(lowest_read[::-1])[::-1][1:]
    reach = write_end[:-1] - later
    return max(int(reach.max()) if reach.size else -input_bytes, -input_bytes)


def singles(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """Every output channel reads the whole window."""
    del inside
    group_in, group_out = p["in_c"] // p["groups"], p["out_c"] // p["groups"]
    return [(c // group_out * group_in, c + 1) for c in range(p["out_c"])]


def pairs(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """Two output channels at a time where the window's rows are contiguous."""
    if p["groups"] != 1 or (p["dilation_w"] != 1 and p["k_w"] != 1):
        return singles(p, inside)
    return [(0, min(c + 2, p["out_c"])) for c in range(0, p["out_c"], 2)]


def own_channel(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """Every output channel reads its own input channel."""
    del inside
    multiplier = p.get("depth_multiplier", 1)
    return [(c // multiplier, c + 1) for c in range(p["out_c"])]


def own_block_then_channel(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """Four channels at a time, the rest one by one."""
    del inside
    blocked = p["out_c"] - p["out_c"] % 4
    return [(c, c + 4) for c in range(0, blocked, 4)] + [(c, c + 1) for c in range(blocked, p["out_c"])]


def own_block(p: Mapping[str, int], inside: bool) -> list[tuple[int, int]]:
    """Up to four channels at a time, everywhere."""
    del inside
    return [(c, min(c + 4, p["out_c"])) for c in range(0, p["out_c"], 4)]


def sliding_window(events: Events) -> Callable[[Lowered], dict[int, int]]:
    """The distance of a kernel that goes through output pixels in row order."""

    def overlap(lowered: Lowered) -> dict[int, int]:
        p = lowered.params
        starts = [
            np.arange(p[f"out_{axis}"]) * p[f"stride_{axis}"] - p[f"pad_{side}"]
            for axis, side in (("h", "top"), ("w", "left"))
        ]
        firsts = [
            [first_tap(int(s), p[f"k_{axis}"], p[f"dilation_{axis}"], p[f"in_{axis}"]) for s in start]
            for axis, start in zip("hw", starts, strict=True)
        ]
        insides = [
            (start >= 0) & (start + (p[f"k_{axis}"] - 1) * p[f"dilation_{axis}"] < p[f"in_{axis}"])
            for axis, start in zip("hw", starts, strict=True)
        ]
        kinds = {inside: np.array(events(p, inside), np.int64).T for inside in (False, True)}
        image, low, end = p["in_h"] * p["in_w"] * p["in_c"], [], []
        for b in range(p["batch"]):
            for oy, y in enumerate(firsts[0]):
                for ox, x in enumerate(firsts[1]):
                    reads, writes = kinds[bool(insides[0][oy] and insides[1][ox])]
                    place = _NOTHING if y is None or x is None else (y * p["in_w"] + x) * p["in_c"] + b * image
                    low.append(reads + place)
                    end.append(writes + ((b * p["out_h"] + oy) * p["out_w"] + ox) * p["out_c"])
        return {0: exact_distance(np.concatenate(low), np.concatenate(end), p["batch"] * image)}

    return overlap


def tiles_of(n_pixels: int) -> Callable[[Lowered], dict[int, int]]:
    """The distance of a kernel that reads the windows of so many output pixels before it writes them."""
    return lambda lowered: _tiles(lowered, n_pixels)


def _tiles(lowered: Lowered, n_pixels: int) -> dict[int, int]:
    p = lowered.params
    firsts = [
        [
            first_tap(
                o * p[f"stride_{axis}"] - p[f"pad_{side}"], p[f"k_{axis}"], p[f"dilation_{axis}"], p[f"in_{axis}"]
            )
            for o in range(p[f"out_{axis}"])
        ]
        for axis, side in (("h", "top"), ("w", "left"))
    ]
    rows, columns = (np.array([_NOTHING if f is None else f for f in first], np.int64) for first in firsts)
    image = p["in_h"] * p["in_w"]
    places = np.minimum((rows[:, None] * p["in_w"] + columns[None, :]).reshape(-1), _NOTHING)
    pixels = np.concatenate([places + b * image for b in range(p["batch"])]) * p["in_c"]
    starts = [*range(0, len(pixels), n_pixels)]
    low = np.minimum.reduceat(pixels, starts)
    end = np.array([*starts[1:], len(pixels)], np.int64) * p["out_c"]
    return {0: exact_distance(low, end, p["batch"] * image * p["in_c"])}


def pixel_pairs(lowered: Lowered) -> dict[int, int]:
    """The distance of the 1x1 product: two pixels and two channels at a time, a last odd pixel channel by channel."""
    p = lowered.params
    n_pixels, in_c, out_c = p["batch"] * p["out_h"] * p["out_w"], p["in_c"], p["out_c"]
    paired = n_pixels - n_pixels % 2
    pixel = np.arange(0, paired, 2, dtype=np.int64)[:, None]
    channel = np.array([min(c + 2, out_c) for c in range(0, out_c, 2)], np.int64)
    low = np.broadcast_to(pixel * in_c, (len(pixel), len(channel))).reshape(-1)
    end = ((pixel + 1) * out_c + channel).reshape(-1)
    if paired < n_pixels:
        low = np.concatenate([low, np.full(out_c, paired * in_c)])
        end = np.concatenate([end, paired * out_c + 1 + np.arange(out_c)])
    return {0: exact_distance(low, end, n_pixels * in_c)}


def blocks_of_four(lowered: Lowered) -> dict[int, int]:
    """The distance of a dense layer: four outputs at a time, then two, each from a whole row.

    A row of less than a word is read once.
    """
    p = lowered.params
    fours = p["out_c"] - p["out_c"] % 4
    ends = [*range(4, fours + 1, 4), *(min(c + 2, p["out_c"]) for c in range(fours, p["out_c"], 2))]
    if p["in_c"] < 4:
        ends = ends[-1:]
    row = np.arange(p["batch"], dtype=np.int64)[:, None]
    channel = np.array(ends, np.int64)
    low = np.broadcast_to(row * p["in_c"], (p["batch"], len(channel))).reshape(-1)
    end = (row * p["out_c"] + channel).reshape(-1)
    return {0: exact_distance(low, end, p["batch"] * p["in_c"])}


def fours_then_singles(lowered: Lowered) -> dict[int, int]:
    """The distance of a product that makes four outputs of a pixel or row at a time, the last ones one by one."""
    p = lowered.params
    rows = p["batch"] * p.get("out_h", 1) * p.get("out_w", 1)
    fours = p["out_c"] - p["out_c"] % 4
    channel = np.array([*range(4, fours + 1, 4), *range(fours + 1, p["out_c"] + 1)], np.int64)
    row = np.arange(rows, dtype=np.int64)[:, None]
    low = np.broadcast_to(row * p["in_c"], (rows, len(channel))).reshape(-1)
    return {0: exact_distance(low, (row * p["out_c"] + channel).reshape(-1), rows * p["in_c"])}


def row_by_row(lowered: Lowered) -> dict[int, int]:
    """The distance of a dense layer: two outputs at a time, each from a whole row."""
    p = lowered.params
    row = np.arange(p["batch"], dtype=np.int64)[:, None]
    channel = np.array([min(c + 2, p["out_c"]) for c in range(0, p["out_c"], 2)], np.int64)
    low = np.broadcast_to(row * p["in_c"], (p["batch"], len(channel))).reshape(-1)
    end = (row * p["out_c"] + channel).reshape(-1)
    return {0: exact_distance(low, end, p["batch"] * p["in_c"])}
