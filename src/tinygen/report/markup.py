"""Elements for HTML and inline SVG: a tree first, text at the end, so that nothing escapes escaping."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree

Node = ElementTree.Element
Child = Node | str | None

# Characters that XML and HTML know no way to write.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def clean(text: str) -> str:
    """Text without characters that no document may hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def node(name: str, attributes: Mapping[str, str | float | int] | None = None, *children: Child) -> Node:
    """An element with attributes and children; strings become text, None vanishes.

    Numbers are written with at most two decimals, so that the same report gives the same bytes everywhere.
    """
    made = ElementTree.Element(name, {key: attribute(value) for key, value in (attributes or {}).items()})
    for child in children:
        add(made, child)
    return made


def attribute(value: str | float | int) -> str:
    """An attribute's text."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int):
        return str(value)
    return f"{value:.2f}".rstrip("0").rstrip(".")


def add(parent: Node, child: Child) -> None:
    """Append a child to an element."""
    if child is None:
        return
    if not isinstance(child, str):
        parent.append(child)
    elif len(parent):
        parent[-1].tail = (parent[-1].tail or "") + clean(child)
    else:
        parent.text = (parent.text or "") + clean(child)


def to_html(root: Node) -> bytes:
    """A whole document."""
    body = ElementTree.tostring(root, encoding="unicode", method="html", short_empty_elements=False)
    return ("<!DOCTYPE html>\n" + body + "\n").encode()
