"""Pools and MEAN on Cortex-M with the DSP extension."""

from __future__ import annotations

from tinygen.boards.spec import ChipSpec
from tinygen.model.kernels.base import KernelDef, Packed, without
from tinygen.model.kernels.order import own_block_then_channel, sliding_window
from tinygen.model.lowering import Lowered

_MEAN_SHARED = ("count", "multiplier", "shift", "input_zero_point", "output_zero_point", "act_min", "act_max")


def _accepts_words(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    return None if lowered.params["in_c"] >= 4 else f"{lowered.params['in_c']} channels fill no word"


def _work(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    pixels, taps = float(p["batch"] * p["out_h"] * p["out_w"]), p["k_h"] * p["k_w"]
    fours, rest = divmod(p["out_c"], 4)
    return {
        "call": 1.0,
        "pixels": pixels,
        "outputs": pixels * p["out_c"],
        "word_rows": pixels * fours * p["k_h"],
        "word_taps": pixels * fours * taps,
        "rest_taps": pixels * rest * taps,
    }


def _pool(op: str, why: str) -> KernelDef:
    return KernelDef(
        id=f"{op.lower()}_int8_dsp",
        op=op,
        header="dsp/pool.h",
        arguments=(),
        why=why,
        accepts=_accepts_words,
        pack=lambda lowered: Packed(params=without(lowered.params, "dilation_h", "dilation_w"), constants={}),
        overlap=sliding_window(own_block_then_channel),
        needs=("dsp",),
        code="fast",
        work=_work,
    )


AVERAGE_POOL_2D_INT8_DSP = _pool("AVERAGE_POOL_2D", "four channels are added in two instructions")
MAX_POOL_2D_INT8_DSP = _pool("MAX_POOL_2D", "four channels are compared in two instructions")


def _accepts_mean(lowered: Lowered, chip: ChipSpec) -> str | None:
    del chip
    p = lowered.params
    if p["size_0"] != 1 or [p[f"reduced_{i}"] for i in (1, 2, 3)] != [0, 1, 0]:
        return "not the dimensions before the last are reduced"
    return None if p["size_3"] >= 4 else f"{p['size_3']} channels fill no word"


def _pack_mean(lowered: Lowered) -> Packed:
    p = lowered.params
    params = {"outer": p["size_1"], "in_c": p["size_3"], **{name: p[name] for name in _MEAN_SHARED}}
    return Packed(params=params, constants={})


def _work_mean(lowered: Lowered) -> dict[str, float]:
    p = lowered.params
    fours, rest = divmod(p["size_3"], 4)
    return {
        "call": 1.0,
        "outputs": float(p["size_1"] * p["size_3"]),
        "word_taps": float(p["size_1"] * fours * p["count"]),
        "rest_taps": float(p["size_1"] * rest * p["count"]),
    }


MEAN_INT8_DSP = KernelDef(
    id="mean_int8_dsp",
    op="MEAN",
    header="dsp/pool.h",
    arguments=(),
    why="four channels are added in two instructions",
    accepts=_accepts_mean,
    pack=_pack_mean,
    needs=("dsp",),
    code="fast",
    work=_work_mean,
)
