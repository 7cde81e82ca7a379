"""Boards as Reports: one row each, or everything known about one."""

from __future__ import annotations

from tinygen.boards.spec import BoardSpec
from tinygen.core.values import Report, Table


def boards(known: list[BoardSpec]) -> Report:
    """One row a board."""
    rows = []
    for board in sorted(known, key=lambda b: b.id):
        chip = board.chip
        native = chip.arch == "native"
        rows.append(
            (
                board.id,
                ", ".join(board.aliases),
                chip.title,
                "" if native else f"{board.clock_hz / 1e6:g} MHz",
                "" if native else f"{chip.flash.size_bytes // 1024} K",
                "" if native else f"{chip.ram.size_bytes // 1024} K",
                board.serial.connector,
                ", ".join(s.name for s in board.simulators),
            )
        )
    columns = ("board", "also known as", "chip", "clock", "flash", "RAM", "protocol over", "simulators")
    return Report(
        kind="boards",
        subject={},
        tables=(Table(title="boards", columns=columns, rows=tuple(rows)),),
        details={"boards": [dict(zip(columns, row, strict=True)) for row in rows]},
    )


def board(board: BoardSpec) -> Report:
    """Everything known about one board."""
    chip, known = board.chip, board.platformio.frameworks
    facts = [
        ("chip", f"{chip.title} ({chip.cpu}; {', '.join(chip.isa) or 'no extensions'})"),
        *(
            (f"{region.kind} {region.name}", f"{region.size_bytes:,} bytes at 0x{region.address:08X}")
            for region in chip.regions
        ),
        ("core clock", f"{board.clock_hz:,} Hz{_tree(board)}"),
        ("LED", f"{board.led_pin}, {board.led_drive}" if board.led_pin else "-"),
        ("cycle counter", chip.cycle_counter),
        *(
            (what, f"0x{chip.peripherals[key]:08X}")
            for what, key in (("independent watchdog", "iwdg_base"), ("unique id", "uid_base"))
            if key in chip.peripherals
        ),
        ("protocol over", f"{board.serial.connector}, {board.serial.peripheral}, {board.serial.baud} baud"),
        ("pins", f"TX {board.serial.tx_pin or '-'}, RX {board.serial.rx_pin or '-'}"),
        (
            "PlatformIO",
            f"{board.platformio.platform}, board {board.platformio.board}, "
            f"framework {board.platformio.framework or 'none'} (of {', '.join(f or 'none' for f in known)})",
        ),
        ("upload", ", ".join(board.platformio.upload_protocols) or "-"),
    ]
    simulators = tuple((s.name, s.machine, ", ".join(s.proves), ", ".join(s.does_not_prove)) for s in board.simulators)
    sources = tuple((s.document, s.place) for s in (*board.sources, *chip.sources))
    return Report(
        kind="board",
        subject={"board": board.id, "title": board.title, "aliases": ", ".join(board.aliases)},
        tables=(
            Table(title="facts", columns=("what", "value"), rows=tuple(facts)),
            Table(title="simulators", columns=("name", "machine", "proves", "does not prove"), rows=simulators),
            Table(title="sources", columns=("document", "place"), rows=sources),
        ),
        details={"board": board},
    )


def _tree(board: BoardSpec) -> str:
    """A clock tree in one line; "" where our own code sets up none."""
    clock = board.clock
    if clock is None:
        return ""
    source = {"hsi": "internal oscillator"}.get(clock.source, "clock fed in" if clock.bypass else "crystal")
    return (
        f": {source} {clock.external_hz / 1e6:g} MHz / {clock.pll_m} x {clock.pll_n} / {clock.core_divisor}, "
        f"bus {clock.bus_hz / 1e6:g}, APB1 {clock.bus_hz / clock.apb1_divider / 1e6:g}, "
        f"APB2 {clock.bus_hz / clock.apb2_divider / 1e6:g} MHz, {clock.flash_wait_states} flash wait states"
    )
