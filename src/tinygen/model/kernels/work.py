"""What the portable kernels' instructions are counted from: their loops, inside the input and at its border."""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.model.lowering import Lowered


def inside(p: Mapping[str, int], axis: str) -> int:
    """How many windows along an axis lie inside the input."""
    reach = (p[f"k_{axis}"] - 1) * p[f"dilation_{axis}"]
    before = p["pad_top" if axis == "h" else "pad_left"]
    starts = (place * p[f"stride_{axis}"] - before for place in range(p[f"out_{axis}"]))
    return sum(start >= 0 and start + reach < p[f"in_{axis}"] for start in starts)


def _covered(p: Mapping[str, int], axis: str) -> int:
    """How many window positions along an axis, of all windows, meet the input."""
    before = p["pad_top" if axis == "h" else "pad_left"]
    return sum(
        0 <= place * p[f"stride_{axis}"] - before + tap * p[f"dilation_{axis}"] < p[f"in_{axis}"]
        for place in range(p[f"out_{axis}"])
        for tap in range(p[f"k_{axis}"])
    )


def windows(p: Mapping[str, int]) -> tuple[int, int]:
    """(windows inside the input, windows at its border)."""
    within = p["batch"] * inside(p, "h") * inside(p, "w")
    return within, p["batch"] * p["out_h"] * p["out_w"] - within


def convolution(lowered: Lowered) -> dict[str, float]:
    """Two channels at a time where rows are contiguous, tap by tap and one by one where they are not."""
    p = lowered.params
    within, border = windows(p)
    alone = p["groups"] != 1 or (p["dilation_w"] != 1 and p["k_w"] != 1)
    run, group = p["k_w"] * p["in_c"], p["in_c"] // p["groups"]
    pairs = -(-p["out_c"] // 2)
    taps = border * p["k_h"] * p["k_w"]
    covered = p["batch"] * _covered(p, "h") * _covered(p, "w") - within * p["k_h"] * p["k_w"]
    found = {"call": 1.0, "pixels": float(within + border), "outputs": float((within + border) * p["out_c"])}
    if alone:
        taps = (within + border) * p["out_c"] * p["k_h"] * p["k_w"]
        return {**found, "single_macs": float(taps * group), "single_taps": float(taps)}
    return {
        **found,
        "inside_steps": float(within * pairs * p["k_h"] * run),
        "inside_runs": float(within * pairs * p["k_h"]),
        "border_steps": float(covered * pairs * p["in_c"]),
        "outside_steps": float((taps - covered) * pairs * p["in_c"]),
        "border_runs": float(border * pairs * p["k_h"]),
    }


def taps(p: Mapping[str, int]) -> int:
    """Weights of one output channel."""
    return p["k_h"] * p["k_w"] * p["in_c"]


def gathered_pairs(lowered: Lowered) -> dict[str, float]:
    """Two gathered pixels times two channels; what is left over of either; what is copied."""
    p = lowered.params
    pixels = p["batch"] * p["out_h"] * p["out_w"]
    tiles, rest = (pixels // 2) * (p["out_c"] // 2), (pixels % 2) * (p["out_c"] // 2)
    single = pixels * (p["out_c"] % 2)
    copied = float(pixels * taps(p))
    return {
        "call": 1.0,
        "tile_steps": float(tiles * taps(p)),
        "rest_steps": float((2 * rest + single) * taps(p)),
        "outputs": float(pixels * p["out_c"]),
        "copied_words" if p["in_c"] % 4 == 0 else "copied_bytes": copied / (4 if p["in_c"] % 4 == 0 else 1),
        "rows": float(pixels * p["k_h"]),
        "pixels": float(pixels),
    }


def gathered_unsigned(lowered: Lowered) -> dict[str, float]:
    """Two gathered pixels times two channels, whether or not there is a second channel; a last pixel alone."""
    p = lowered.params
    pixels, pairs = p["batch"] * p["out_h"] * p["out_w"], -(-p["out_c"] // 2)
    return {
        "call": 1.0,
        "tile_steps": float((pixels // 2) * pairs * taps(p)),
        "rest_steps": float((pixels % 2) * pairs * taps(p)),
        "outputs": float(pixels * p["out_c"]),
        "copied_bytes": float(pixels * taps(p)),
        "rows": float(pixels * p["k_h"]),
        "pixels": float(pixels),
    }


def _channels_alone(p: Mapping[str, int], channels: int) -> dict[str, float]:
    """So many channels of every pixel, one by one."""
    windows = p["batch"] * p["out_h"] * p["out_w"]
    covered = p["batch"] * _covered(p, "h") * _covered(p, "w")
    return {
        "single_taps": float(covered * channels),
        "outside_taps": float((windows * p["k_h"] * p["k_w"] - covered) * channels),
        "single_rows": float(windows * p["k_h"] * channels),
        "singles": float(windows * channels),
    }


def depthwise_blocks(lowered: Lowered) -> dict[str, float]:
    """Four channels at a time, the last ones alone."""
    p = lowered.params
    within, border = windows(p)
    taps, blocks = p["k_h"] * p["k_w"], p["out_c"] // 4
    return {
        "call": 1.0,
        "block_taps": float(within * blocks * taps),
        "block_rows": float(within * blocks * p["k_h"]),
        "border_taps": float(border * blocks * taps),
        "border_rows": float(border * blocks * p["k_h"]),
        "blocks": float((within + border) * blocks),
        **_channels_alone(p, p["out_c"] % 4),
        "pixels": float(within + border),
    }


def depthwise_generic(lowered: Lowered) -> dict[str, float]:
    """Every channel alone."""
    p = lowered.params
    pixels = float(p["batch"] * p["out_h"] * p["out_w"])
    return {"call": 1.0, **_channels_alone(p, p["out_c"]), "pixels": pixels}


def depthwise_in_place(lowered: Lowered) -> dict[str, float]:
    """Planes of four channels are set aside, then as `depthwise_blocks`."""
    p = lowered.params
    moved = float(p["batch"] * p["in_h"] * p["in_w"] * p["in_c"])
    return {**depthwise_blocks(lowered), "moved": moved}


def dense(lowered: Lowered) -> dict[str, float]:
    """Two outputs at a time; a last one alone."""
    p = lowered.params
    rows = p["batch"]
    return {
        "call": 1.0,
        "steps": float(rows * (p["out_c"] // 2) * p["in_c"]),
        "rest_steps": float(rows * (p["out_c"] % 2) * p["in_c"]),
        "pairs": float(rows * (p["out_c"] // 2)),
        "outputs": float(rows * p["out_c"]),
    }


def matrix_1x1(lowered: Lowered) -> dict[str, float]:
    """Two pixels times two channels; what is left over of either."""
    p = lowered.params
    pixels = p["batch"] * p["out_h"] * p["out_w"]
    tiles = (pixels // 2) * (p["out_c"] // 2)
    return {
        "call": 1.0,
        "tile_steps": float(tiles * p["in_c"]),
        "tiles": float(tiles),
        "rest_steps": float(((pixels // 2) * (p["out_c"] % 2) + (pixels % 2) * p["out_c"]) * p["in_c"]),
        "rest": float((pixels // 2) * (p["out_c"] % 2) + (pixels % 2) * p["out_c"]),
        "pixels": float(pixels),
    }


def shifted_rows(lowered: Lowered) -> dict[str, float]:
    """What of a window stays and what is new, by words where both are whole ones."""
    kept, new = lowered.params["kept_bytes"], lowered.params["new_bytes"]
    unit = 4 if kept % 4 == 0 and new % 4 == 0 else 1
    word = "words" if unit == 4 else "bytes"
    return {"call": 1.0, f"kept_{word}": kept / unit, f"new_{word}": new / unit}
