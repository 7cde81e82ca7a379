"""The pages for people: every link leads to a file that is there, and to a heading that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _pages(root: Path) -> list[Path]:
    rooms = ("src", "firmware", "boards", "datasets", "tests", "examples")
    return [
        root / "README.md",
        *(p for room in rooms for p in sorted((root / room).rglob("*.md")) if "golden" not in p.parts),
    ]


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links of a page that lead nowhere; addresses of the network are not asked."""
    broken = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / name) if name else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    return broken


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    pages = _pages(root)
    assert len(pages) > 8
    assert {str(p.relative_to(root)): broken_links(p) for p in pages if broken_links(p)} == {}


@pytest.mark.parametrize("link", ["missing.md", "#no-such-heading", "page.md#gone"])
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, link: str) -> None:
    (tmp_path / "page.md").write_text(f"# Here\n[x]({link}) and [fine](#here)\n", encoding="utf-8")
    assert broken_links(tmp_path / "page.md") == [link]
