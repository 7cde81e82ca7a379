"""Reads `boards/**/*.toml` into `ChipSpec` and `BoardSpec`, telling all mistakes at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ValidationError

from tinygen.boards.consistency import contradictions
from tinygen.boards.schema import BoardFile, ChipFile
from tinygen.boards.spec import (
    BoardSpec,
    ChipSpec,
    ClockLimits,
    ClockSpec,
    FlashLayout,
    MemoryRegion,
    PlatformioSpec,
    SectorRun,
    SensorSpec,
    SerialSpec,
    SimulatorSpec,
    Source,
)
from tinygen.core.errors import TinygenError, bad_input, did_you_mean
from tinygen.core.resources import resource_dir

_STATE: dict[str, tuple[int, ...] | Literal["none"]] = {"auto": (), "none": "none"}
USER_BOARDS = "TINYGEN_BOARDS"
_File = TypeVar("_File", bound=BaseModel)


def user_files() -> list[Path]:
    """The user's own board files: `./boards/*.toml`, and what TINYGEN_BOARDS names (files or folders)."""
    named = [Path(word).expanduser() for word in os.environ.get(USER_BOARDS, "").split(os.pathsep) if word]
    places = [*named, Path.cwd() / "boards"]
    files = [file for place in places for file in (sorted(place.glob("*.toml")) if place.is_dir() else [place])]
    return list(dict.fromkeys(file.resolve() for file in files if file.suffix == ".toml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """What is wrong in one board file."""

    path: Path
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Boards:
    """All readable boards by id, and the user's files that are none: a broken one of them hides no other board."""

    known: dict[str, BoardSpec]
    broken: tuple[Mistakes, ...]


def read_boards(folder: Path | None = None, extra: Sequence[Path] | None = None) -> Boards:
    """The catalogue and the user's own boards.

    Args:
        folder: where the catalogue's TOML files are; None = those of this installation.
        extra: further board files; None = the user's (`user_files`), none where `folder` is named.

    Raises:
        TinygenError: a file of the catalogue is wrong; the message lists every mistake of every one.
    """
    root = folder or resource_dir("boards")
    own = [*extra] if extra is not None else [] if folder else user_files()
    problems: list[str] = []
    chips: dict[str, ChipSpec] = {}
    for path in sorted((root / "chips").glob("*.toml")):
        chip_file = _read(path, ChipFile, root, problems)
        if chip_file is not None:
            _check_name(path, chip_file.id, root, problems)
            chips[chip_file.id] = _chip(chip_file)
    boards: dict[str, BoardSpec] = {}
    owners: dict[str, str] = {}
    for path in sorted(p for p in root.glob("*/*.toml") if p.parent.name != "chips"):
        if board := _read_board(path, root, chips, owners, problems):
            boards[board.id] = board
    if problems:
        raise _wrong(problems, root)
    broken: list[Mistakes] = []
    for path in own:
        mistakes: list[str] = []
        board = _read_board(path, root, chips, owners, mistakes)
        if mistakes:
            broken.append(Mistakes(path=path, texts=tuple(mistakes)))
        elif board is not None:
            boards[board.id] = board
    return Boards(known=dict(sorted(boards.items())), broken=tuple(broken))


def load_boards(folder: Path | None = None, extra: Sequence[Path] | None = None) -> dict[str, BoardSpec]:
    """All boards by id, sorted by id; the user's broken files are left out.

    Args:
        folder: as `read_boards`.
        extra: as `read_boards`.

    Raises:
        TinygenError: as `read_boards`.
    """
    return read_boards(folder, extra).known


def _read_board(
    path: Path, root: Path, chips: dict[str, ChipSpec], owners: dict[str, str], problems: list[str]
) -> BoardSpec | None:
    """One board file; what is wrong with it goes to `problems`, its names to `owners`."""
    file = _read(path, BoardFile, root, problems)
    if file is None:
        return None
    where = _shown(path, root)
    _check_name(path, file.id, root, problems)
    for word in (file.id, *file.aliases):
        if word in owners:
            problems.append(f"{where}: id or alias '{word}' already belongs to {owners[word]}")
        else:
            owners[word] = where
    if file.chip not in chips:
        problems.append(f"{where}: chip: unknown chip '{file.chip}'; {did_you_mean(file.chip, chips)}")
        return None
    board = _board(file, chips[file.chip])
    problems += [f"{where}: {text}" for text in contradictions(board)]
    return board


def _wrong(problems: Sequence[str], place: Path) -> TinygenError:
    return bad_input(
        "\n".join([f"{len(problems)} mistake(s) in board files", *problems]),
        where=str(place),
        hint="`tinygen boards new ID --chip CHIP` writes a file with every key explained",
    )


def find_board(name: str, boards: dict[str, BoardSpec] | None = None) -> BoardSpec:
    """The board with this id or alias (case does not matter).

    Raises:
        TinygenError: there is none; the message names the closest, or what is wrong in the user's file of that name.
    """
    found = read_boards() if boards is None else Boards(known=boards, broken=())
    known = found.known
    wanted = name.lower()
    words: dict[str, BoardSpec] = {}
    for board in known.values():
        for word in (board.id, *board.aliases):
            words[word.lower()] = board
    if wanted in words:
        return words[wanted]
    if wrong := [mistakes for mistakes in found.broken if mistakes.path.stem.lower() == wanted]:
        raise _wrong(wrong[0].texts, wrong[0].path)
    if found.broken:
        files = ", ".join(str(mistakes.path) for mistakes in found.broken)
        hint = f"{did_you_mean(wanted, words)}; or is it in a file that cannot be read ({files})? tinygen boards check"
        raise bad_input(f"unknown board '{name}'", where="board", hint=hint)
    raise bad_input(f"unknown board '{name}'", where="board", hint=did_you_mean(wanted, words))


def _shown(path: Path, root: Path) -> str:
    """A file's name for messages: relative to the catalogue where it is of the catalogue."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _read(path: Path, model: type[_File], root: Path, problems: list[str]) -> _File | None:
    where = _shown(path, root)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        problems.append(f"{where}: {error}")
        return None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for mistake in error.errors():
            problems.append(f"{where}: {_mistake(mistake['type'], mistake['loc'], mistake['msg'], model)}")
        return None


def _mistake(kind: str, location: Iterable[int | str], message: str, model: type[BaseModel]) -> str:
    keys = list(location)
    dotted = ".".join(str(key) for key in keys)
    if kind == "extra_forbidden":
        known = _fields_at(model, keys[:-1])
        return f"{dotted}: unknown key; {did_you_mean(str(keys[-1]), known)}"
    if kind == "missing":
        return f"{dotted}: missing"
    text = message.removeprefix("Value error, ")
    return f"{dotted}: {text}" if dotted else text


def _fields_at(model: type[BaseModel], keys: list[int | str]) -> list[str]:
    """Names allowed where `keys` leads; follows nested models, lists and optionals."""
    current: type[BaseModel] = model
    for key in keys:
        if isinstance(key, int) or key not in current.model_fields:
            continue
        annotation = current.model_fields[key].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if nested:
            current = nested[0]
    return list(current.model_fields)


def _check_name(path: Path, identifier: str, root: Path, problems: list[str]) -> None:
    if path.stem != identifier:
        problems.append(f"{_shown(path, root)}: id: is '{identifier}' but the file is named '{path.stem}'")


def _sources(files: Iterable[BaseModel]) -> tuple[Source, ...]:
    return tuple(Source(**file.model_dump()) for file in files)


def _chip(file: ChipFile) -> ChipSpec:
    limits, layout = file.clock_limits, file.flash_layout
    return ChipSpec(
        id=file.id,
        title=file.title,
        arch=file.arch,
        cpu=file.cpu,
        isa=tuple(file.isa),
        fpu=file.fpu,
        regions=tuple(MemoryRegion(**region.model_dump()) for region in file.regions),
        arena_alignment_bytes=file.arena_alignment_bytes,
        define=file.define,
        port=file.port,
        family=file.family,
        max_clock_hz=file.max_clock_hz,
        peripherals=dict(file.peripherals),
        cycle_counter=file.cycle_counter,
        sources=_sources(file.sources),
        interrupt_count=file.interrupt_count,
        openocd_target=file.openocd_target,
        boot_product_id=file.boot_product_id,
        serial_pins={signal: dict(pins) for signal, pins in file.serial_pins.items()},
        clock_limits=None
        if limits is None
        else ClockLimits(
            pll_input_hz=(limits.pll_input_hz[0], limits.pll_input_hz[1]),
            pll_vco_hz=(limits.pll_vco_hz[0], limits.pll_vco_hz[1]),
            pll_output_hz=(limits.pll_output_hz[0], limits.pll_output_hz[1]),
            apb1_hz=limits.apb1_hz,
            apb2_hz=limits.apb2_hz,
            internal_hz=limits.internal_hz,
            flash_wait_hz=tuple(limits.flash_wait_hz),
            pll_m=(limits.pll_m[0], limits.pll_m[1]),
            pll_n=(limits.pll_n[0], limits.pll_n[1]),
            pll_outputs=tuple(limits.pll_outputs),
            ahb_hz=limits.ahb_hz,
            core_output=limits.core_output,
        ),
        flash_layout=None
        if layout is None
        else FlashLayout(
            sectors=tuple(SectorRun(**run.model_dump()) for run in layout.sectors),
            banks=layout.banks,
            word_bytes=layout.word_bytes,
            corrects=layout.corrects,
            endurance=layout.endurance,
            option=(layout.option.offset, layout.option.mask, layout.option.value),
        ),
    )


def _core_output(chip: ChipSpec) -> Literal["p", "r"]:
    return "p" if chip.clock_limits is None else chip.clock_limits.core_output


def _sensors(file: BoardFile) -> dict[str, SensorSpec]:
    named = ((source, getattr(file.sensors, source)) for source in ("imu", "adc", "i2s", "pdm"))
    return {
        source: SensorSpec(
            peripheral=sensor.peripheral,
            pins=dict(sensor.pins),
            alternate_function=sensor.alternate_function,
            channels=tuple(sensor.channels),
        )
        for source, sensor in named
        if sensor is not None
    }


def _board(file: BoardFile, chip: ChipSpec) -> BoardSpec:
    serial, platformio = file.serial, file.platformio
    return BoardSpec(
        id=file.id,
        title=file.title,
        vendor=file.vendor,
        aliases=tuple(file.aliases),
        chip=chip,
        clock_hz=file.clock_hz,
        serial=SerialSpec(
            connector=serial.connector,
            peripheral=serial.peripheral,
            tx_pin=serial.tx_pin,
            rx_pin=serial.rx_pin,
            alternate_function=serial.alternate_function,
            baud=serial.baud,
            usb_ids=tuple((pair[0], pair[1]) for pair in serial.usb_ids),
            carrier=serial.carrier,
        ),
        led_pin=file.led_pin,
        led_drive=file.led_drive,
        renode=file.renode,
        platformio=PlatformioSpec(
            platform=platformio.platform,
            board=platformio.board,
            framework=platformio.framework,
            frameworks=tuple(dict.fromkeys((platformio.framework, *platformio.frameworks))),
            packages=tuple(platformio.packages),
            upload_protocols=tuple(platformio.upload_protocols),
        ),
        simulators=tuple(
            SimulatorSpec(
                name=simulator.name,
                machine=simulator.machine,
                options=dict(simulator.options),
                proves=tuple(simulator.proves),
                does_not_prove=tuple(simulator.does_not_prove),
            )
            for simulator in file.simulators
        ),
        sources=_sources(file.sources),
        clock=None if file.clock is None else ClockSpec(**file.clock.model_dump(), core_output=_core_output(chip)),
        sensors=_sensors(file),
        state=tuple(file.flash.state) if isinstance(file.flash.state, list) else _STATE[file.flash.state],
    )
