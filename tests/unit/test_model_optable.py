"""The table of operators in the compiler's page is the one the registries give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.core.errors import TinygenError
from tinygen.model.optable import written


def test_the_page_shows_the_operators_that_there_are(root: Path) -> None:
    page = "src/tinygen/model/README.md"
    text = (root / page).read_text(encoding="utf-8")
    assert written(text) == text, f"run: python -m tinygen.model.optable {page}"


def test_a_document_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(TinygenError, match="no place"):
        written("nothing here")
