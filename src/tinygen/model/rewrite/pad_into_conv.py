"""A PAD before a convolution becomes the convolution's own padding."""

from __future__ import annotations

import dataclasses

from tinygen.model.rewrite.base import Draft, Pass, title

_TAKERS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def _run(draft: Draft) -> None:
    for pad in [op for op in draft.ops if op.name == "PAD"]:
        conv = draft.only_reader(pad.outputs[0])
        if conv is None or conv.name not in _TAKERS or conv.inputs[0] != pad.outputs[0]:
            draft.refusals.append(f"{title(draft, pad)}: its only reader is not a convolution's input")
            continue
        source, padded = draft.tensors[pad.inputs[0]], draft.tensors[pad.outputs[0]]
        lowered = draft.lowered(pad)
        p = lowered.params
        if len(source.shape) != 4 or any(p[f"{side}_{axis}"] for side in ("before", "after") for axis in (0, 3)):
            draft.refusals.append(f"{title(draft, pad)}: pads batch or channels")
            continue
        if source.quantization is None or p["value"] != source.quantization.zero_point:
            draft.refusals.append(f"{title(draft, pad)}: the value is not the zero point")
            continue
        inner = draft.lowered(conv).params
        options = {**conv.options, "padding": "explicit"}
        for number, axis, letter in ((1, "height", "h"), (2, "width", "w")):
            own = inner["pad_top" if letter == "h" else "pad_left"]
            # What the convolution itself reads past the padded tensor's end.
            reach = (inner[f"out_{letter}"] - 1) * inner[f"stride_{letter}"]
            reach += (inner[f"k_{letter}"] - 1) * inner[f"dilation_{letter}"] + 1
            behind = max(0, reach - own - padded.shape[number])
            options[f"pad_{axis}_before"] = p[f"before_{number}"] + own
            options[f"pad_{axis}_after"] = p[f"after_{number}"] + behind
        draft.replace(pad)
        draft.replace(conv, dataclasses.replace(conv, inputs=(pad.inputs[0], *conv.inputs[1:]), options=options))
        del draft.tensors[pad.outputs[0]]
        draft.changes.append(f"{title(draft, conv)} pads by itself")


PAD_INTO_CONV = Pass(
    name="pad into convolution",
    obligation="PAD writes the zero point, which is what a convolution counts outside its input, and nobody else "
    "reads it",
    run=_run,
)
