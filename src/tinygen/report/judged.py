"""The parts of a page about how good a model is: spread over groups, worst mistakes, INT8 beside float, data card."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tinygen.core.values import Report
from tinygen.report import listen, svg, words
from tinygen.report.grid import grid
from tinygen.report.markup import Child, Node, node

_WIDTH = 900.0
_MOST_BARS = 60


def judged_parts(report: Report) -> list[Child]:
    """Spread and mistakes of a "judge" report; [] for others."""
    spread, mistakes = report.details.get("spread"), report.details.get("mistakes")
    kind, seed = str(report.details.get("group_kind", "group")), report.details.get("seed")
    origin = f"INT8 in TFLM's interpreter, held-out recordings, seed {seed}"
    found: list[Child] = []
    groups = _groups(spread)
    if len(groups) > 1:
        found += [
            node("h3", None, f"Spread over {kind}s"),
            node("figure", None, spread_chart(groups, kind), node("figcaption", {"class": "faint"}, origin)),
        ]
    if isinstance(mistakes, list) and mistakes:
        found.append(node("h3", None, "Worst mistakes"))
        found.append(node("p", {"class": "faint"}, f"{origin}; the surest of the wrong answers first"))
        found.append(node("div", {"class": "mistakes"}, *(_mistake(one) for one in mistakes if isinstance(one, dict))))
    return found


def _groups(value: object) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    for one in value if isinstance(value, list | tuple) else ():
        if isinstance(one, list | tuple) and len(one) == 3 and isinstance(one[1], int) and isinstance(one[2], int):
            found.append((str(one[0]), one[1], one[2]))
    return [one for one in found if one[2] > 0]


def spread_chart(groups: Sequence[tuple[str, int, int]], kind: str) -> Node:
    """A bar a group, the worst first: its height is the share that was right, its width grows with its recordings."""
    shown = list(groups)[:_MOST_BARS]
    left, top, height = 44.0, 12.0, 160.0
    total = sum(n for _, _, n in shown)
    scale = (_WIDTH - left - 4) / max(total, 1)
    parts: list[Child] = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = top + height * (1 - tick)
        parts += [
            svg.line(left, y, _WIDTH, y),
            svg.text(left - 6, y + 4, f"{tick:.0%}", anchor="end", size=11, faint=True),
        ]
    x = left
    for name, right, n in shown:
        share = right / n
        colour = svg.RED if share < 0.5 else svg.AMBER if share < 0.8 else svg.BLUE
        tip = f"{kind} {name}: {right} of {n} right ({share:.0%})"
        parts.append(
            svg.rect(x + 0.5, top + height * (1 - share), max(n * scale - 1, 0.7), height * share, colour, tip=tip)
        )
        x += n * scale
    all_right = sum(right for _, right, _ in groups)
    mean = all_right / sum(n for _, _, n in groups)
    y = top + height * (1 - mean)
    parts += [svg.line(left, y, _WIDTH, y, faint=False, dashed=True),
              svg.text(_WIDTH - 4, y - 5, f"all together {mean:.1%}", anchor="end", size=11)]  # fmt: skip
    more = f", the {len(shown)} worst of {len(groups)}" if len(groups) > len(shown) else ""
    parts.append(svg.text(left, top + height + 16, f"{len(groups)} {kind}s, the worst first{more}; width: recordings",
                          size=11, faint=True))  # fmt: skip
    worst = groups[0]
    said = f"worst {worst[0]} with {worst[1]} of {worst[2]}, all together {mean:.3f}"
    return svg.chart(f"Spread over {kind}s", said, _WIDTH, top + height + 22, *parts)


def _mistake(one: Mapping[str, object]) -> Node:
    signal, rate = listen.decoded(one), one.get("rate_hz")
    rate_hz = rate if isinstance(rate, int) and rate > 0 else 1
    title = f"{one.get('truth')} taken for {one.get('said')}"
    picture: list[Child] = []
    if signal is not None:
        if listen.is_sound(signal, rate_hz):
            picture.append(listen.player(signal, rate_hz, f"{title}: {one.get('name')}"))
        picture.append(listen.waveform(signal, rate_hz, title))
    detail = f"{one.get('name')} · {one.get('group')} · sure by {one.get('sure')}, score {one.get('score')}"
    return node("div", {"class": "mistake"}, node("strong", None, title), node("br"),
                node("span", {"class": "faint"}, detail), node("div", None, *picture))  # fmt: skip


def data_card(details: Mapping[str, object], dataset: str) -> list[Child]:
    """What the model learned from and was judged on, from what training keeps."""
    sides = details.get("sides")
    if not isinstance(sides, dict):
        return []
    facts: list[tuple[str, str]] = [("data set", dataset)]
    for key, name in (
        ("licence", "licence"),
        ("source", "source"),
        ("group_kind", "kept apart by"),
        ("dataset_digest", "digest"),
    ):
        value = details.get(key)
        if isinstance(value, str) and value:
            facts.append((name, value[:16] if key == "dataset_digest" else value))
    facts.append(
        ("made by a generator", "yes: figures say nothing about real recordings" if details.get("synthetic") else "no")
    )
    facts.append(("seed of the split", str(details.get("seed", "-"))))
    labels = sorted({label for side in sides.values() if isinstance(side, dict) for label in side.get("labels", {})})
    known = [name for name in ("train", "validation", "test") if isinstance(sides.get(name), dict)]
    rows: list[list[Child]] = [[label, *(f"{sides[n]['labels'].get(label, 0):,}" for n in known)] for label in labels]
    rows.append(["recordings", *(f"{sides[n].get('recordings', 0):,}" for n in known)])
    rows.append([f"{details.get('group_kind', 'group')}s", *(f"{sides[n].get('groups', 0):,}" for n in known)])
    items = [item for key, value in facts for item in (node("dt", None, key), node("dd", None, value))]
    return [
        node("h3", None, "Data card"),
        node("dl", None, *items),
        grid(("class", *known), rows, numeric=set(range(1, len(known) + 1))),
    ]


def float_and_int8(report: Report) -> list[Child]:
    """The metrics of both forms side by side."""
    values = {m.name: m.value for m in words.measurements(report)}
    rows: list[list[Child]] = []
    for name, value in values.items():
        other = values.get(f"int8_{name.removeprefix('float_')}")
        if name.startswith("float_") and isinstance(value, int | float) and isinstance(other, int | float):
            label = words.label(name.removeprefix("float_"))
            rows.append([label, f"{value:.4f}", f"{other:.4f}", f"{100 * (other - value):+.2f} points"])
    if not rows:
        return []
    agree = report.details.get("float_and_int8_agree")
    if isinstance(agree, int | float) and math.isfinite(agree):
        rows.append(["same answer", "", f"{agree:.4f}", ""])
    seed = report.details.get("seed")
    said = f"float in Keras, INT8 in TFLM's interpreter, both on the test side, seed {seed}"
    return [
        node("h3", None, "INT8 against float"),
        grid(("metric", "float", "INT8", "difference"), rows, numeric={1, 2, 3}),
        node("p", {"class": "faint"}, said),
    ]
