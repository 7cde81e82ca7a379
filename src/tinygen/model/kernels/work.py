"""What the portable kernels' instructions are counted from: their loops, inside the input and at its border."""

from __future__ import annotations

from collections.abc import Mapping

from tinygen.model.lowering import Lowered


def _inside(p: Mapping[str, int], axis: str) -> int:
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


def _windows(p: Mapping[str, int]) -> tuple[int, int]:
    """(windows inside the input, windows at its border)."""
    inside = p["batch"] * _inside(p, "h") * _inside(p, "w")
    return inside, p["batch"] * p["out_h"] * p["out_w"] - inside


def convolution(lowered: Lowered) -> dict[str, float]:
    """Two channels at a time where the window is inside, one by one at the border."""
    p = lowered.params
    inside, border = _windows(p)
    if p["groups"] != 1 or (p["dilation_w"] != 1 and p["k_w"] != 1):
        inside, border = 0, inside + border
    run, group = p["k_w"] * p["in_c"], p["in_c"] // p["groups"]
    pairs = -(-p["out_c"] // 2)
    return {
        "call": 1.0,
        "inside_steps": float(inside * pairs * p["k_h"] * run),
        "inside_runs": float(inside * pairs * p["k_h"]),
        "border_macs": float(border * p["out_c"] * p["k_h"] * p["k_w"] * group),
        "border_taps": float(border * p["out_c"] * p["k_h"] * p["k_w"]),
        "pixels": float(inside + border),
        "outputs": float((inside + border) * p["out_c"]),
    }


def depthwise_blocks(lowered: Lowered) -> dict[str, float]:
    """Four channels at a time where the window is inside, one by one elsewhere."""
    p = lowered.params
    inside, border = _windows(p)
    taps, rest = p["k_h"] * p["k_w"], p["out_c"] % 4
    single = border * p["out_c"] + inside * rest
    return {
        "call": 1.0,
        "block_taps": float(inside * (p["out_c"] // 4) * taps),
        "block_rows": float(inside * (p["out_c"] // 4) * p["k_h"]),
        "blocks": float(inside * (p["out_c"] // 4)),
        "taps": float(single * taps),
        "tap_rows": float(single * p["k_h"]),
        "single": float(single),
        "pixels": float(inside + border),
    }


def depthwise_generic(lowered: Lowered) -> dict[str, float]:
    """Every tap looked at, by channel; rows outside are cheaper."""
    p = lowered.params
    channels = p["batch"] * p["out_c"]
    rows, columns = _covered(p, "h"), _covered(p, "w")
    windows = p["out_h"] * p["out_w"]
    return {
        "call": 1.0,
        "taps": float(channels * windows * p["k_h"] * p["k_w"]),
        "covered": float(channels * rows * columns),
        "row_taps": float(channels * rows * p["out_w"] * p["k_w"]),
        "tap_rows": float(channels * windows * p["k_h"]),
        "outputs": float(channels * windows),
        "pixels": float(p["batch"] * windows),
    }


def depthwise_in_place(lowered: Lowered) -> dict[str, float]:
    """Planes of four channels are set aside, then as `depthwise_generic` for four at once."""
    p = lowered.params
    found = depthwise_generic(lowered)
    del found["pixels"]
    return {
        **found,
        "moved": float(p["batch"] * p["in_h"] * p["in_w"] * p["in_c"]),
        "planes": float(p["batch"] * -(-p["out_c"] // 4) * p["out_h"] * p["out_w"]),
    }


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
