"""The bar chart of `make bench`: each model's bars relative to TFLM with CMSIS-NN, which is 100 %."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_COLOURS = {
    "TFLM + CMSIS-NN (quoted)": "#8b929b", "bakeNN + CMSIS-NN": "#d08a2e", "tinygen, compact kernels": "#9db8dd",
    "tinygen": "#3f6fb5",
}  # fmt: skip
_WIDTH, _LEFT, _BAR, _GAP, _TOP = 860, 190, 13, 12, 64
_FULL = 480.0  # pixels of 100 %
_MOST = 1.2  # longer bars are cut and say so


def bars(models: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    """An SVG of its own.

    Args:
        models: (name, {what: instructions}); the first bar of each is the measure of the others.
    """
    out: list[str] = []
    y = float(_TOP)
    for name, values in models:
        base = next(iter(values.values()))
        height = len(values) * _BAR
        out.append(f'<text x="{_LEFT - 8}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{name}</text>')
        for what, count in values.items():
            share = count / base
            width = min(share, _MOST) * _FULL
            more = " &#8594;" if share > _MOST else ""
            label = f"{count:,} ({100 * share:.0f} %){more}"
            fill = _COLOURS[what]
            out.append(f'<rect x="{_LEFT}" y="{y:.1f}" width="{width:.1f}" height="{_BAR - 2}" fill="{fill}"/>')
            out.append(f'<text x="{_LEFT + width + 4:.1f}" y="{y + _BAR - 4:.1f}" font-size="10">{label}</text>')
            y += _BAR
        y += _GAP
    legend = ""
    x = float(_LEFT)
    for what, colour in _COLOURS.items():
        legend += f'<rect x="{x:.0f}" y="34" width="11" height="11" fill="{colour}"/>'
        legend += f'<text x="{x + 15:.0f}" y="44">{what}</text>'
        x += 26 + 6.2 * len(what)
    title = "Instructions per inference, Cortex-M4F, QEMU -icount shift=0 (instructions, not a board's time)"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{y:.0f}" viewBox="0 0 {_WIDTH} {y:.0f}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="#24292f" role="img" aria-label="{title}">'
        f'<rect width="{_WIDTH}" height="{y:.0f}" fill="#ffffff"/><text x="12" y="20" font-weight="600">{title}</text>'
        + legend
        + "".join(out)
        + "</svg>\n"
    )
