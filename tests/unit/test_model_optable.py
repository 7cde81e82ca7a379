"""README's table of operators is the one the registries give."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.core.errors import TinygenError
from tinygen.model.optable import written


def test_readme_shows_the_operators_that_there_are(root: Path) -> None:
    text = (root / "README.md").read_text(encoding="utf-8")
    assert written(text) == text, "run: python -m tinygen.model.optable README.md"


def test_a_document_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(TinygenError, match="no place"):
        written("nothing here")
