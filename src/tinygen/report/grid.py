"""Tables of a page."""

from __future__ import annotations

from collections.abc import Sequence

from tinygen.report.markup import Child, Node, node


def grid(columns: Sequence[str], rows: Sequence[Sequence[Child]], *, numeric: set[int]) -> Node:
    """A table that scrolls sideways where it must; columns of numbers stand to the right."""

    def cells(tag: str, values: Sequence[Child]) -> list[Node]:
        return [node(tag, {"class": "number"} if i in numeric else None, value) for i, value in enumerate(values)]

    head = node("thead", None, node("tr", None, *cells("th", columns)))
    body = node("tbody", None, *(node("tr", None, *cells("td", row)) for row in rows))
    return node("div", {"class": "scroll"}, node("table", None, head, body))
