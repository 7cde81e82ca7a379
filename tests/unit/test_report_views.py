"""Reports as terminal text, as JSON and as HTML."""

from __future__ import annotations

import io
import json
import math
import re
from dataclasses import asdict
from html.parser import HTMLParser

import pytest
from rich.console import Console

from tinygen.core.canonical import pretty_json
from tinygen.core.errors import TinygenError
from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.report import html, json_view, svg, terminal, words
from tinygen.report.charts import memory_map
from tinygen.report.plan_view import BufferView, PlanView, StepView, parse

NASTY = '<script>alert("1")</script> & \x00 "quoted" \ud800'


def a_report(**changes: object) -> Report:
    values: dict[str, object] = {
        "kind": "verify",
        "subject": {"task": "gesture", "board": "feather_f405", "target": "qemu", "engine": "aot"},
        "checks": (
            Check(name="build", status=CheckStatus.PASSED, reason="the device runs build 0123"),
            Check(name="stack", status=CheckStatus.SKIPPED, reason="unknown here"),
        ),
        "measurements": (
            Measurement(name="arena_bytes", value=12345, unit="bytes", origin="planned"),
            Measurement(name="flash_bytes", value=54321, unit="bytes", origin="linked"),
            Measurement(name="weights_bytes", value=30000, unit="bytes", origin="planned"),
            Measurement(name="ram_bytes", value=20000, unit="bytes", origin="linked"),
            Measurement(name="instructions", value=None, unit="instructions", origin="not-measured"),
            Measurement(name="accuracy", value=0.87312, unit="ratio", origin="measured-on-host", note="synthetic"),
        ),
        "tables": (Table(title="Layers", columns=("step", "operator"), rows=(("0", "CONV_2D"), ("11", "SOFTMAX"))),),
        "notes": ("unicorn proves arithmetic; not cycles",),
        "details": {"headline": "50 of 50 vectors byte-equal", "modes": ["raw", "tensor"], "board": "feather_f405"},
    }
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def failed_report() -> Report:
    return a_report(checks=(Check(name="layers", status=CheckStatus.FAILED, reason="1 of 14 differ"),))


def a_plan(steps: int = 4) -> PlanView:
    return PlanView(
        name="kws.tflite",
        arena_bytes=1000,
        lower_bound_bytes=900,
        weights_bytes=5000,
        macs=400,
        optimize="speed",
        costs_origin="counted",
        steps=tuple(
            StepView(
                position=i,
                op="CONV_2D",
                kernel="conv_2d_int8_portable",
                why="only one",
                macs=100,
                instructions=250,
                shape=(1, 4),
            )
            for i in range(steps)
        ),
        buffers=tuple(
            BufferView(name=f"t{i}", tensor=i, offset=500 * (i % 2), size_bytes=500, first=i - 1, last=i)
            for i in range(steps)
        ),
    )


def shown(report: Report, *, terminal_like: bool = False, encoding: str = "utf-8", width: int = 60) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=file, force_terminal=terminal_like, width=width, color_system="standard")
    terminal.show(report, console)
    file.flush()
    return raw.getvalue().decode(encoding)


def test_plain_text_where_there_is_no_terminal() -> None:
    text = shown(failed_report())
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0] == "verify  gesture · feather_f405 · qemu · aot"
    assert lines[1] == "✗ 50 of 50 vectors byte-equal"
    # Lines are not broken at the width of a window that is not there.
    assert any("54,321 bytes  linked" in line for line in lines)
    assert any("unicorn proves arithmetic; not cycles" in line for line in lines)
    assert all(line == line.rstrip() for line in lines)
    assert any(re.fullmatch(r"  step  operator", line) for line in lines)


def test_colours_only_on_a_terminal() -> None:
    assert "\x1b[" in shown(a_report(), terminal_like=True)


def test_a_console_that_knows_only_ascii() -> None:
    for terminal_like in (False, True):
        text = shown(failed_report(), encoding="ascii", terminal_like=terminal_like)
        assert "FAIL" in text


def test_numbers_that_were_not_measured_say_so() -> None:
    line = next(line for line in shown(a_report()).splitlines() if "instructions" in line)
    assert "not measured" in line
    assert "0" not in line


def test_long_layer_tables_are_for_failures() -> None:
    assert "SOFTMAX" not in shown(a_report())
    assert "SOFTMAX" in shown(failed_report())
    assert "SOFTMAX" in shown(failed_report(), terminal_like=True)


def test_markup_in_names_is_text() -> None:
    report = a_report(
        notes=("[red]not a style[/red] [/]",), tables=(Table(title="[b]", columns=("[x]",), rows=(("[/]",),)),)
    )
    for terminal_like in (False, True):
        text = shown(report, terminal_like=terminal_like, width=200)
        assert "[red]not a style[/red] [/]" in text
        assert "[x]" in text


def test_empty_reports_are_fine_everywhere() -> None:
    report = Report(kind="boards", subject={})
    assert shown(report).splitlines() == ["boards", "✓ done"]
    assert json_view.document(report)["ok"] is True
    assert html.page([report])
    assert html.page([])


def test_a_report_without_a_headline_counts_its_checks() -> None:
    assert words.headline(a_report(details={})) == "2 checks: 1 passed, 1 skipped"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567, "1,234,567"),
        (0.87312, "0.8731"),
        (2.0, "2"),
        (123456.7, "123,457"),
        (None, "not measured"),
        (math.nan, "nan"),
    ],
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert words.number(value) == text


def test_the_last_word_on_a_number_holds() -> None:
    again = Measurement(name="arena_bytes", value=1, unit="bytes", origin="linked")
    text = shown(a_report(measurements=(*a_report().measurements, again)))
    assert text.count("arena ") == 1
    assert "1 bytes" in text


def test_json_has_stable_keys_and_origins_beside_the_numbers() -> None:
    document = json_view.document(a_report())
    assert set(json_view.RESERVED) <= set(document)
    assert document["arena_bytes"] == 12345
    assert document["instructions"] is None
    assert document["origins"] == {
        "arena_bytes": "planned", "flash_bytes": "linked", "weights_bytes": "planned", "ram_bytes": "linked",
        "instructions": "not-measured", "accuracy": "measured-on-host",
    }  # fmt: skip
    measurements = document["measurements"]
    assert isinstance(measurements, dict)
    assert measurements["accuracy"] == {
        "value": 0.87312, "unit": "ratio", "origin": "measured-on-host", "note": "synthetic",
    }  # fmt: skip
    assert document["checks"] == [
        {"name": "build", "status": "passed", "reason": "the device runs build 0123"},
        {"name": "stack", "status": "skipped", "reason": "unknown here"},
    ]
    assert document["modes"] == ["raw", "tensor"]
    assert json.loads(pretty_json(document)) == document


def test_details_cannot_take_reserved_names_and_nan_becomes_null() -> None:
    details = {"ok": "lie", "checks": 1, "worst": math.inf, "deep": [{"x": math.nan}]}
    document = json_view.document(a_report(details=details))
    assert document["ok"] is True
    assert isinstance(document["checks"], list)
    assert document["worst"] is None
    assert document["deep"] == [{"x": None}]
    pretty_json(document)


class Reader(HTMLParser):
    """Checks nesting, and gathers tags, attributes and text."""

    VOID = ("meta", "br", "hr", "img", "link", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: bytes) -> Reader:
    reader = Reader()
    reader.feed(page.decode())
    reader.close()
    assert not reader.open
    return reader


def full_page() -> bytes:
    labels = ["yes", "no", NASTY]
    train = Report(
        kind="convert",
        subject={"task": "kws"},
        details={
            "labels": labels,
            "confusion_int8": [[5, 1, 0], [0, 7, 0], [2, 0, 0]],
            "confusion_float": "broken",
            "rates": [
                {
                    "title": "test side",
                    "lines": [
                        {"name": "INT8", "points": [[0, 0], [0.1, 0.9], [1, 1]]},
                        {"name": "float", "points": [[0, 0], [0.2, 0.8], [1, 1]], "dashed": True},
                    ],
                }
            ],
            "history": [
                {"epoch": 1.0, "loss": 2.0, "val_loss": 2.5},
                {"epoch": 2.0, "loss": 1.0, "val_loss": math.nan},
            ],
        },
    )
    rows = tuple((str(i), NASTY) for i in range(40))
    proof = a_report(tables=(Table(title=NASTY, columns=("a", "b"), rows=rows),), notes=(NASTY,))
    return html.page([train, proof, failed_report()], json.loads(json.dumps(asdict(a_plan()))))


def test_html_parses_and_holds_nothing_from_elsewhere() -> None:
    page = full_page()
    reader = read(page)
    assert "script" not in reader.tags
    assert not {"link", "iframe", "object", "embed", "img", "base"} & set(reader.tags)
    for tag, name, value in reader.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("src", "href", "xlink:href", "action", "srcset"), (tag, name, value)
    text = page.decode()
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert any('<script>alert("1")</script>' in piece for piece in reader.text)


def test_html_shows_pictures_numbers_and_origins() -> None:
    reader = read(full_page())
    text = " ".join(reader.text)
    labels = {value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")}
    assert {
        "Memory over time",
        "Confusion matrix, INT8",
        "ROC: test side",
        "DET: test side",
        "Loss",
        "Flash",
        "RAM",
    } <= labels
    assert "Confusion matrix, float" not in labels  # malformed details are left out
    for words_ in ("12,345 bytes", "planned", "linked", "measured on host", "FAILED", "something failed", "40 rows"):
        assert words_ in text, words_


def test_html_is_the_same_every_time() -> None:
    assert full_page() == full_page()


def test_a_plan_of_another_shape_is_an_error() -> None:
    with pytest.raises(TinygenError, match="arena_bytes"):
        html.page([], {"name": "x"})
    assert parse(asdict(a_plan())) == a_plan()


@pytest.mark.parametrize("steps", [0, 1, 13, 56, 300])
def test_memory_maps_of_any_length_stay_inside_the_picture(steps: int) -> None:
    picture = memory_map(a_plan(steps))
    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    for box in picture.iter("rect"):
        x, y, w, h = (float(box.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert x + w <= width + 0.01
        assert y >= 0
        assert y + h <= height + 0.01


def test_ticks_are_round_and_reach_no_further() -> None:
    assert svg.ticks(1.0) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert svg.ticks(0) == [0.0]
    assert svg.bytes_ticks(10_000) == [0, 2048, 4096, 6144, 8192]
    assert [svg.bytes_label(n) for n in (0, 512, 1536, 1 << 20)] == ["0 B", "512 B", "1.5 KB", "1 MB"]
