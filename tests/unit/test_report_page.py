"""The page as a whole: the answer first, nothing twice, no bar for what is not known."""

from __future__ import annotations

import re

from tinygen.core.values import Measurement, Report, Table
from tinygen.report import html


def size(name: str, value: int) -> Measurement:
    return Measurement(name=name, value=value, unit="bytes", origin="linked")


def sections(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


def test_the_proof_comes_first_and_the_way_to_it_in_order() -> None:
    kinds = ("build", "convert", "verify", "compile", "train", "monitor")
    page = html.page([Report(kind=kind, subject={}) for kind in kinds]).decode()
    assert sections(page) == ["verify", "train", "convert", "compile", "build", "monitor"]


def test_a_confusion_matrix_is_a_picture_or_a_table_not_both() -> None:
    table = Table(title="confusion matrix, INT8 (rows: truth)", columns=("truth", "a", "b"), rows=(("a", "5", "0"),))
    details: dict[str, object] = {"labels": ["a", "b"], "confusion_int8": [[5, 0], [1, 4]]}
    drawn = html.page([Report(kind="convert", subject={}, tables=(table,), details=details)]).decode()
    assert drawn.lower().count("<h3>confusion matrix") == 1
    plain = html.page([Report(kind="convert", subject={}, tables=(table,))]).decode()
    assert "confusion matrix, INT8" in plain


def test_no_bar_says_weights_where_they_are_not_known() -> None:
    unknown = html.page([Report(kind="build", subject={}, measurements=(size("flash_bytes", 20000),))]).decode()
    assert "weights 0" not in unknown
    assert "code, tables and weights" in unknown
    both = (size("flash_bytes", 20000), size("weights_bytes", 7420))
    assert "weights 7,420" in html.page([Report(kind="build", subject={}, measurements=both)]).decode()
    in_ram = (size("flash_bytes", 0), size("weights_bytes", 7420))
    assert "weights 0" not in html.page([Report(kind="build", subject={}, measurements=in_ram)]).decode()
