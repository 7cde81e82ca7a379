"""pytest's `device` fixture: tests that talk to a board, or to a simulator of it.

Loaded by every pytest where tinygen is installed, so nothing but pytest is imported before a test asks for a device.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tinygen.pipeline.harness import Device, Harness

_HARNESS = pytest.StashKey["Harness"]()
_DEVICE = pytest.StashKey["Device"]()
_MARKERS = (
    "tinygen_board(*ids): the test is for these boards only",
    "tinygen_real: the test needs a real board, no simulator",
    "tinygen_fresh: the device is restarted before the test",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all of one group."""
    group = parser.getgroup("tinygen", "tests that talk to a device (tinygen)")
    group.addoption("--tinygen-board", metavar="BOARD", help="board id; default: tinygen.toml's")
    group.addoption(
        "--tinygen-on", metavar="WHERE", help="sim, host, unicorn..., board, a port, a name of devices.toml"
    )
    group.addoption("--tinygen-port", metavar="PORT", help="the same as --tinygen-on PORT")
    group.addoption("--tinygen-elf", metavar="FILE", help="image for a simulator; default: built from tinygen.toml")
    group.addoption("--tinygen-build-id", metavar="ID", help="refuse a device with another build (32 hex digits)")
    group.addoption(
        "--tinygen-require",
        action="store_true",
        help="a missing device fails the tests instead of skipping them (also: TINYGEN_REQUIRE=device)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for line in _MARKERS:
        config.addinivalue_line("markers", line)


def _required(config: pytest.Config) -> bool:
    words = os.environ.get("TINYGEN_REQUIRE", "").split(",")
    return bool(config.getoption("--tinygen-require")) or bool({"device", "all"} & {word.strip() for word in words})


@pytest.fixture(scope="session")
def _tinygen_harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    from tinygen.core.errors import TinygenError
    from tinygen.pipeline.harness import Harness, Wanted

    config = request.config
    on = config.getoption("--tinygen-port") or config.getoption("--tinygen-on") or ""
    elf = config.getoption("--tinygen-elf")
    wanted = Wanted(
        board=config.getoption("--tinygen-board") or "",
        on=on,
        elf=Path(elf) if elf else None,
        build_id=config.getoption("--tinygen-build-id") or "",
        folder=config.rootpath,
    )
    try:
        harness = Harness(wanted)
    except TinygenError as error:
        pytest.fail(_told(error), pytrace=False)
    with harness:
        yield harness


@pytest.fixture
def device(request: pytest.FixtureRequest, _tinygen_harness: Harness) -> Iterator[Device]:
    """The device under test, greeted. Skips where there is none, or fails where one is required."""
    from tinygen.core.errors import ExitCode, TinygenError

    node, harness = request.node, _tinygen_harness
    for marker in node.iter_markers("tinygen_board"):
        if harness.board_id not in marker.args:
            pytest.skip(f"for {', '.join(map(str, marker.args))}, not {harness.board_id or 'an unknown board'}")
    missing = harness.missing
    if not missing and node.get_closest_marker("tinygen_real") and harness.simulated:
        pytest.skip(f"needs a real board, not {harness.on}")
    if not missing:
        try:
            found = harness.device(fresh=node.get_closest_marker("tinygen_fresh") is not None)
        except TinygenError as error:
            # A device that was there before the test began must be there now; so must one that answers wrongly.
            if harness.was_there or error.code not in (ExitCode.NO_ANSWER, ExitCode.TOOL_FAILED):
                pytest.fail(_told(error), pytrace=False)
            missing = harness.missing = _told(error)
    if missing:
        if _required(request.config):
            pytest.fail(f"a device is required: {missing}", pytrace=False)
        pytest.skip(f"no device: {missing}")
    node.stash[_DEVICE] = found
    node.user_properties.extend(found.properties())
    yield found


def _told(error: Any) -> str:
    return f"{error} ({error.hint})" if error.hint else str(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows what went over the line at last, and the device's log."""
    report = yield
    device = item.stash.get(_DEVICE, None)
    if device is not None and report.failed:  # type: ignore[attr-defined]
        for title, lines in device.evidence():
            report.sections.append((title, "\n".join(lines)))  # type: ignore[attr-defined]
    return report
