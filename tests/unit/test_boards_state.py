"""Which flash keeps what is learned: from every chip's table of sectors, or as the board's file says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board, load_boards
from tinygen.boards.state import NoAreas, StateAreas, contradictions_of, sectors_of, state_areas
from tinygen.core.errors import TinygenError
from tinygen.firmware.board_view import render_board
from tinygen.toolchain.diagnose import build_error

STM32 = sorted(board.id for board in load_boards().values() if board.chip.port == "stm32")
STATE_BYTES = 464


@pytest.mark.parametrize("board_id", STM32)
def test_every_stm32_keeps_a_state_behind_its_image(board_id: str) -> None:
    board = find_board(board_id)
    sectors = sectors_of(board.chip)
    end = board.chip.flash.address + board.chip.flash.size_bytes
    assert sectors[-1].address + sectors[-1].size_bytes == end
    areas = state_areas(board, STATE_BYTES)
    assert isinstance(areas, StateAreas)
    assert areas.address + 2 * areas.area_bytes == end
    assert areas.reserved_bytes <= board.chip.flash.size_bytes // 2
    assert areas.area_bytes >= 2 * STATE_BYTES
    assert (areas.stall_ms == 0) == (sectors[-1].bank == 1), "code runs on from the other bank"
    assert areas.stall_ms < 5000, "the watchdog's shortest period is 5.4 s"
    script = render_board(board, 8192, state_bytes=STATE_BYTES)[f"ld/{board.chip.id}.ld"].decode()
    (flash,) = re.findall(r"FLASH \(rx\)  : ORIGIN = (\w+), LENGTH = (\w+)", script)
    (state,) = re.findall(r"STATE \(r\)   : ORIGIN = (\w+), LENGTH = (\w+)", script)
    assert int(flash[0], 16) + int(flash[1], 16) == int(state[0], 16) == areas.address
    assert int(state[1], 16) == 2 * areas.area_bytes
    plain = render_board(board, 8192)
    assert "STATE" not in plain[f"ld/{board.chip.id}.ld"].decode(), "an image that learns nothing has all of its flash"
    assert "TINYGEN_STATE 0" in plain["include/board_config.h"].decode()


def test_a_board_names_other_sectors_or_none() -> None:
    board = find_board("nucleo_f446re")
    small = state_areas(replace(board, state=(2, 3)), STATE_BYTES)
    assert isinstance(small, StateAreas)
    assert (small.address, small.area_bytes, small.stall_ms) == (0x0800_8000, 0x4000, 500)
    assert small.reserved_bytes == 0x7_8000, "the image ends there"
    none = state_areas(replace(board, state="none"), STATE_BYTES)
    assert isinstance(none, NoAreas) and "none" in none.reason
    config = render_board(replace(board, state="none"), 8192, state_bytes=STATE_BYTES)["include/board_config.h"]
    assert b"TINYGEN_STATE 0" in config
    for state, words in (
        ((0, 1), "the first, which holds the vectors"),
        ((3, 5), "neighbouring"),
        ((3, 4), "one size"),
        ((7, 8), "last sector is 7"),
        ((5, 6, 7), "even number"),
    ):
        (said,) = contradictions_of(replace(board, state=state))
        assert words in said
    with pytest.raises(TinygenError, match="needed for two records"):
        state_areas(replace(find_board("bluepill_f103c8"), state=(60, 61)), 4000)


def test_frameworks_without_a_driver_keep_it_across_a_reset_only() -> None:
    for board_id, framework, keeper in (("nucleo_f446re", "stm32cube", 0), ("esp32s3", "espidf", 2), ("host", "", 3)):
        board = with_framework(find_board(board_id), framework) if framework else find_board(board_id)
        config = render_board(board, 8192, state_bytes=STATE_BYTES)["include/board_config.h"].decode()
        assert f"TINYGEN_STATE {keeper}\n" in config


def test_an_image_that_would_collide_is_refused_with_what_helps() -> None:
    output = "ld: image.elf section `.rodata' will not fit\nld: region `FLASH' overflowed by 120 bytes"
    plain = build_error(output, where="x", log="", offline=True)
    told = build_error(output, where="x", log="", offline=True, keeps_state=True)
    assert "120 bytes too small" in told.message
    assert "flash" not in plain.hint and "[flash] state" in told.hint


def test_check_tells_a_wrong_table_of_sectors(tmp_path: Path) -> None:
    from tinygen.boards.loader import read_boards
    from tinygen.core.resources import resource_dir

    for source in resource_dir("boards").glob("*/*.toml"):
        place = tmp_path / source.parent.name
        place.mkdir(exist_ok=True)
        text = source.read_text()
        if source.stem == "stm32f446re":
            text = text.replace("count = 3, size_bytes = 0x20000", "count = 4, size_bytes = 0x20000")
        (place / source.name).write_text(text)
    with pytest.raises(TinygenError, match="bytes of sectors, the flash has 524,288"):
        read_boards(tmp_path)
