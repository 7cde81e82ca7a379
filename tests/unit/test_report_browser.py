"""The pages open in a browser: no script error, nothing fetched, recordings that play.

Chromium is driven over its debugging pipe. Where there is none, the strict look at the text of the pages still runs.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinygen.core.values import Check, CheckStatus, Measurement, Report, Table
from tinygen.report import compare, flame, html, listen

_VOID = {"meta", "br", "link", "img", "hr", "input", "source", "wbr", "area", "base", "col", "embed", "track"}


def mistake(number: int, rate_hz: int, samples: int, channels: int) -> dict[str, object]:
    signal = np.random.default_rng(number).normal(0, 3000, (samples, channels)).astype("<i2")
    return {
        "name": f"yes/{number}.wav", "truth": "yes", "said": "<b>no</b>", "group": "ann", "sure": 0.9, "score": 120,
        "rate_hz": rate_hz, "channels": channels, "signal": base64.b64encode(signal.tobytes()).decode(),
    }  # fmt: skip


def reports() -> list[Report]:
    """A run as training, judging and proving give it, with names that would break a page that does not escape."""
    sides = {
        side: {"recordings": 3, "groups": 2, "labels": {"yes": 2, "<script>alert(1)</script>": 1}}
        for side in ("train", "validation", "test")
    }
    trained: dict[str, object] = {
        "labels": ["yes", "no"], "confusion_int8": [[5, 1], [0, 6]], "confusion_float": [[6, 0], [0, 6]],
        "history": [{"epoch": e, "loss": 1 / e, "val_loss": 1.2 / e, "accuracy": 1 - 0.5 / e} for e in (1.0, 2.0, 3.0)],
        "sides": sides, "group_kind": "speaker", "licence": "MIT", "source": "recordings", "dataset_digest": "ab" * 32,
        "seed": 7, "float_and_int8_agree": 0.98,
        "rates": [{"title": "r", "lines": [{"name": "a", "points": [[0.0, 0.0], [0.1, 0.9], [1.0, 1.0]]}]}],
    }  # fmt: skip
    metrics = tuple(
        Measurement(name=f"{form}_accuracy", value=value, unit="ratio", origin=f"measured-in-{where}")
        for form, value, where in (("float", 0.95, "keras"), ("int8", 0.94, "tflm-interpreter"))
    )
    judged: dict[str, object] = {
        "group_kind": "speaker", "seed": 7, "spread": [["ann", 1, 4], ["bob", 6, 6]],
        "mistakes": [mistake(1, 16000, 16000, 1), mistake(2, 100, 128, 6)],
    }  # fmt: skip
    plan = {
        "name": "kws", "arena_bytes": 400, "lower_bound_bytes": 300, "weights_bytes": 900, "macs": 4000,
        "optimize": "speed", "costs_origin": "", "steps": [
            {"position": 0, "op": "CONV_2D", "kernel": "k", "why": "w", "macs": 4000, "instructions": None,
             "shape": [1, 4, 5, 6]},
            {"position": 1, "op": "SOFTMAX", "kernel": "k", "why": "w", "macs": 0,
             "instructions": None, "shape": [1, 2]},
        ],
        "buffers": [{"name": "a", "tensor": 0, "offset": 0, "size_bytes": 300, "first": 0, "last": 1}],
    }  # fmt: skip
    check = Check(name="raw mode", status=CheckStatus.PASSED, reason='50 of 50 "vectors"')
    return [
        Report(kind="verify", subject={"task": "kws", "board": "host"}, checks=(check,)),
        Report(kind="convert", subject={"dataset": "mine"}, measurements=metrics, details=trained),
        Report(kind="judge", subject={}, details=judged, tables=(Table(title="t", columns=("a",), rows=(("1",),)),)),
        Report(kind="compile", subject={"model": "kws.tflite"}, details={"plan_view": plan}),
    ]


def pages() -> dict[str, bytes]:
    made = reports()
    plan = made[3].details["plan_view"]
    assert isinstance(plan, dict)
    runs = compare.Run(name="0123", reports=tuple(made)), compare.Run(name="4567", reports=tuple(made[:2]))
    block = flame.Block(name="whole", value=3, tip="t", children=(flame.Block(name="part", value=2, tip="t"),))
    return {
        "report": html.page(made, plan),
        "compare": compare.page(*runs),
        "flame": flame.page("kws on host", "instructions", [("Where they go", flame.flame(block, "instructions"))]),
    }


# --- the text of a page ---------------------------------------------------------------------------------------------


class Look(HTMLParser):
    """Collects what a page refers to, its scripts, and whether its tags close in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.references: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in _VOID:
            self.open.append(tag)
        places = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")
        self.references += [v or "" for k, v in attrs if k in places]
        self.styles += [v or "" for k, v in attrs if k == "style"]
        self.faults += [f"{tag} has {k}" for k, _ in attrs if k.startswith("on")]
        self.faults += [f"<{tag}>" for bad in ("iframe", "object", "embed", "base", "link") if tag == bad]
        if "id" in values:
            self.ids.append(values["id"] or "")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        if self.open and self.open[-1] == "style":
            self.styles.append(data)


def strict(page: bytes) -> Look:
    """Faults of a page: what it fetches, what does not close."""
    look = Look()
    text = page.decode()
    look.feed(text)
    look.close()
    look.faults += [f"<{tag}> stays open" for tag in look.open]
    look.faults += [f"refers to {r[:60]}" for r in look.references if not r.startswith(("data:", "#"))]
    look.faults += [f"style fetches {s[:60]}" for s in look.styles if re.search(r"url\(|@import", s)]
    look.faults += [f"id '{i}' twice" for i in set(look.ids) if look.ids.count(i) > 1]
    if not text.startswith("<!DOCTYPE html>"):
        look.faults.append("no doctype")
    return look


@pytest.mark.parametrize("name", ["report", "compare", "flame"])
def test_a_page_is_whole_and_fetches_nothing(name: str) -> None:
    look = strict(pages()[name])
    assert look.faults == []
    for script in look.scripts:  # there are none today; one that comes must at least parse
        node = shutil.which("node")
        if node is not None:
            subprocess.run([node, "--check", "-"], input=script, text=True, check=True)


def test_the_strict_look_sees_what_it_looks_for() -> None:
    bad = b'<!DOCTYPE html><html><body><div><img src="http://a/b.png"><p id="x"><p id="x"></div onclick="f()">'
    faults = " ".join(strict(bad).faults)
    for said in ("refers to http://a/b.png", "closes nothing", "stays open", "twice"):
        assert said in faults
    assert strict(b'<!DOCTYPE html><p onclick="x()" style="background:url(a)"></p>').faults


def test_names_from_outside_stay_text() -> None:
    text = pages()["report"].decode()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "taken for &lt;b&gt;no&lt;/b&gt;" in text


def test_audio_in_a_page_is_the_recording() -> None:
    look = strict(pages()["report"])
    sounds = [base64.b64decode(r.split(",", 1)[1]) for r in look.references if r.startswith("data:audio/wav;base64,")]
    assert len(sounds) == 1  # the motion recording is a picture
    want = np.random.default_rng(1).normal(0, 3000, (16000, 1)).astype(np.int16)
    assert sounds[0] == listen.wav(want, 16000)
    assert sounds[0][44:] == want.astype("<i2").tobytes()


# --- a real browser -------------------------------------------------------------------------------------------------


class Browser:
    """Chromium's debugging protocol over a pipe: requests with answers, and the events in between."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, session: str = "", **params: object) -> dict[str, Any]:
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(time.monotonic() + 30)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while not any(wanted(event) for event in self.events):
            self.events.append(self._next(end))

    def _next(self, end: float) -> dict[str, Any]:
        import select

        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            got = os.read(self._read, 1 << 16)
            assert got, "the browser is gone"
            self._buffer += got
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Browser]:
    to_browser, from_us = os.pipe()
    to_us, from_browser = os.pipe()
    words = [
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
        "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    line = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
    process = subprocess.Popen(
        ["bash", "-c", line, "bash", *words],
        pass_fds=(to_browser, from_browser),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_browser)
    os.close(from_browser)
    try:
        yield Browser(to_us, from_us)
    finally:
        process.kill()
        process.wait()
        os.close(to_us)
        os.close(from_us)


PLAYS = """
Promise.all([...document.querySelectorAll('audio')].map(a => new Promise((yes, no) => {
  a.onloadedmetadata = () => yes(a.duration); a.onerror = () => no('no sound'); a.preload = 'metadata'; a.load();
})))
"""


CHARTS = "[...document.querySelectorAll('svg')].filter(s => s.getBoundingClientRect().width > 50).length"
ERRORS = ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled")


def test_pages_open_without_an_error_and_without_the_network(tmp_path: Path, needs_tool: Callable[..., str]) -> None:
    program = needs_tool("chromium", "chromium")
    made = {**pages(), "broken": b"<!DOCTYPE html><script>nothing.here()</script><img src='http://127.0.0.1:9/x.png'>"}
    for name, page in made.items():
        (tmp_path / f"{name}.html").write_bytes(page)
    with browser(program, tmp_path / "profile") as chromium:
        target = chromium.ask("Target.createTarget", url="about:blank")["targetId"]
        session = chromium.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            chromium.ask(f"{domain}.enable", session)
        for name in made:
            chromium.events.clear()
            url = (tmp_path / f"{name}.html").as_uri()
            chromium.ask("Page.navigate", session, url=url)
            chromium.until(lambda event: event["method"] == "Page.loadEventFired")

            def evaluate(text: str) -> object:
                answer = chromium.ask(
                    "Runtime.evaluate", session, expression=text, awaitPromise=True, returnByValue=True
                )
                assert "exceptionDetails" not in answer, answer
                return answer["result"].get("value")

            length = evaluate(PLAYS)
            charts = evaluate(CHARTS)
            wide = evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            methods = [event["method"] for event in chromium.events]
            asked = [
                event["params"]["request"]["url"]
                for event in chromium.events
                if event["method"] == "Network.requestWillBeSent"
            ]
            errors = [m for m in methods if m in ERRORS]
            elsewhere = [u for u in asked if u != url and not u.startswith("data:")]
            if name == "broken":  # what would be seen if something were wrong
                assert "Runtime.exceptionThrown" in errors
                assert elsewhere == ["http://127.0.0.1:9/x.png"]
                continue
            assert (name, errors, elsewhere) == (name, [], [])
            assert wide
            assert isinstance(charts, int) and charts >= (6 if name == "report" else 1)
            if name == "report":
                assert length == [1.0]


def test_two_runs_are_compared_number_by_number() -> None:
    made = reports()
    raised = tuple(replace(m, value=m.value + 0.01) for m in made[1].measurements if m.value)
    better = replace(made[1], measurements=raised)
    longer = replace(better, details={**better.details, "seed": 8})
    found = compare.report(
        compare.Run(name="old", reports=tuple(made)), compare.Run(name="new", reports=(made[0], longer))
    )  # fmt: skip
    rows = {row[1]: row for row in found.tables[1].rows}
    assert rows["INT8 accuracy"][2:5] == ("0.94", "0.95", "+1.00 points")
    assert found.details["different_inputs"] == ["seed", "model"]
