"""Board and chip files: all of ours are valid, and mistakes are told all at once, each with its place."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tinygen.boards.loader import find_board, load_boards
from tinygen.core.errors import ExitCode, TinygenError

ISSUE_BOARDS = {
    *("esp32s3", "esp32s3_n8r8", "xiao_esp32s3", "adafruit_feather_esp32s3"),
    *("feather_f405", "disco_f407vg", "nucleo_f401re", "nucleo_f411re", "blackpill_f411ce", "nucleo_f446re"),
    *("nucleo_l476rg", "disco_l475vg_iot01a", "nucleo_g474re", "nucleo_f746zg", "nucleo_f767zi", "nucleo_h743zi"),
    *("nucleo_h563zi", "bluepill_f103c8", "host"),
}


@pytest.fixture
def boards_folder(root: Path, tmp_path: Path) -> Path:
    """A copy of the board files that a test may damage."""
    return Path(shutil.copytree(root / "boards", tmp_path / "boards"))


def change(path: Path, old: str, new: str) -> None:
    """Replace text that must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_every_board_of_the_issue_is_there() -> None:
    assert set(load_boards()) >= ISSUE_BOARDS


@pytest.mark.parametrize("board_id", sorted(ISSUE_BOARDS))
def test_board_names_its_connector_sources_and_a_simulator(board_id: str) -> None:
    board = load_boards()[board_id]
    assert board.serial.connector
    assert board.sources and board.chip.sources
    for simulator in board.simulators:
        assert simulator.proves
        assert any("cycles" in text for text in simulator.does_not_prove), "no simulator here proves cycles"


@pytest.mark.parametrize("board_id", sorted(ISSUE_BOARDS - {"host"}))
def test_a_catalogue_board_says_what_a_user_needs(board_id: str) -> None:
    board = load_boards()[board_id]
    assert board.led_pin
    assert board.platformio.board and board.platformio.upload_protocols
    assert board.chip.cycle_counter in ("dwt", "ccount")
    assert len(board.sources) >= 2 and len(board.chip.sources) >= 2
    if board.chip.port == "stm32":
        assert board.clock is not None and board.clock.core_hz == board.clock_hz
        assert board.chip.clock_limits is not None and board.clock_hz > 4 * board.chip.clock_limits.internal_hz
        assert {"iwdg_base", "uid_base"} <= set(board.chip.peripherals)
        assert board.simulators[-1].machine == board.chip.cpu
        assert board.chip.openocd_target and board.chip.boot_product_id


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pll_m = 4", "pll_m = 1", "pll_m: 1 is outside 2 to 63"),
        ("pll_p = 2", "pll_p = 3", "pll_p: 3 is none of 2, 4, 6, 8"),
        ("apb1_divider = 4", "apb1_divider = 2", "APB1: 108000000 Hz is above"),
        ("flash_wait_states = 7", "flash_wait_states = 6", "at least 7 are needed"),
    ],
)
def test_a_clock_outside_the_chips_limits_is_refused(boards_folder: Path, old: str, new: str, said: str) -> None:
    change(boards_folder / "st/nucleo_f767zi.toml", old, new)
    with pytest.raises(TinygenError, match=said):
        load_boards(boards_folder)


def test_the_bus_may_run_slower_than_the_core_and_must_not_be_too_fast(boards_folder: Path) -> None:
    clock = load_boards()["nucleo_h743zi"].clock
    assert clock is not None and (clock.core_hz, clock.bus_hz) == (400_000_000, 200_000_000)
    change(boards_folder / "st/nucleo_h743zi.toml", "ahb_divider = 2", "ahb_divider = 1")
    with pytest.raises(TinygenError, match="AHB: 400000000 Hz is above 200000000 Hz"):
        load_boards(boards_folder)


@pytest.mark.parametrize(
    ("word", "board_id"),
    [("esp32-s3-devkitc-1", "esp32s3"), ("adafruit_feather_f405", "feather_f405"), ("Nucleo_F446RE", "nucleo_f446re")],
)
def test_aliases_and_case(word: str, board_id: str) -> None:
    assert find_board(word).id == board_id


def test_unknown_board_names_the_closest() -> None:
    with pytest.raises(TinygenError) as caught:
        find_board("nucleo_f446")
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "nucleo_f446re" in caught.value.hint


def test_preferred_simulators() -> None:
    first = {board.id: board.simulators[0].name for board in load_boards().values()}
    assert first["feather_f405"] == "qemu"
    assert first["nucleo_f446re"] == "unicorn"
    assert first["esp32s3"] == "labwired"
    assert first["host"] == "host"


def test_core_coupled_memory_is_listed_but_is_not_the_main_ram() -> None:
    for board_id in ("feather_f405", "disco_f407vg"):
        chip = load_boards()[board_id].chip
        assert chip.ram.address == 0x20000000
        assert any(r.name == "ccm" and (r.address, r.size_bytes) == (0x10000000, 0x10000) for r in chip.regions)


def test_all_mistakes_at_once(boards_folder: Path) -> None:
    change(boards_folder / "st/nucleo_f401re.toml", 'tx_pin = "PA2"', 'tx_pni = "PA2"')
    change(boards_folder / "st/nucleo_f446re.toml", "pll_n = 180", "pll_n = 200")
    change(boards_folder / "st/disco_f407vg.toml", 'chip = "stm32f407vg"', 'chip = "stm32f407ve"')
    change(boards_folder / "adafruit/feather_f405.toml", "clock_hz = 168_000_000", 'clock_hz = "fast"')
    change(boards_folder / "chips/esp32s3.toml", 'port = "esp32s3"', 'port = "esp32"')
    with pytest.raises(TinygenError) as caught:
        load_boards(boards_folder)
    message = caught.value.message
    assert caught.value.code is ExitCode.BAD_INPUT
    assert "st/nucleo_f401re.toml: serial.tx_pni: unknown key; did you mean 'tx_pin'?" in message
    assert "st/nucleo_f401re.toml: serial.tx_pin: missing" in message
    assert "st/nucleo_f446re.toml: clock: PLL output: 200000000 Hz" in message
    assert "did you mean 'stm32f407vg'?" in message
    assert "adafruit/feather_f405.toml: clock_hz:" in message
    assert "chips/esp32s3.toml: port:" in message


def test_broken_toml_and_wrong_file_name_are_told_with_their_file(boards_folder: Path) -> None:
    (boards_folder / "st/broken.toml").write_text("id = [")
    (boards_folder / "st/nucleo_f446re.toml").rename(boards_folder / "st/nucleo.toml")
    with pytest.raises(TinygenError) as caught:
        load_boards(boards_folder)
    assert "st/broken.toml:" in caught.value.message
    assert "st/nucleo.toml: id: is 'nucleo_f446re'" in caught.value.message


def test_an_alias_belongs_to_one_board(boards_folder: Path) -> None:
    change(boards_folder / "st/nucleo_f401re.toml", '["nucleo-f401re"]', '["nucleo-f446re"]')
    with pytest.raises(TinygenError, match="'nucleo-f446re' already belongs to"):
        load_boards(boards_folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tx_pin = "PA2"', 'tx_pin = "PA77"', "serial.tx_pin: 'PA77' is no STM32 pin"),
        ('led_pin = "PA5"', 'led_pin = "PZ9"', "led_pin: 'PZ9' is no STM32 pin"),
        ('rx_pin = "PA3"', 'rx_pin = "PA2"', "serial.tx_pin and serial.rx_pin: 'PA2' has two uses"),
        ("0x374B", "0x1374B", "vendor and product are 0 to 0xFFFF"),
    ],
)
def test_pins_that_cannot_be_are_refused(boards_folder: Path, old: str, new: str, said: str) -> None:
    change(boards_folder / "st/nucleo_f446re.toml", old, new)
    with pytest.raises(TinygenError) as caught:
        load_boards(boards_folder)
    assert said in str(caught.value)


def test_a_serial_line_the_chip_lacks_is_refused(boards_folder: Path) -> None:
    change(boards_folder / "st/nucleo_f401re.toml", 'peripheral = "usart2"', 'peripheral = "usart3"')
    with pytest.raises(TinygenError, match="has no 'usart3_base'"):
        load_boards(boards_folder)


def test_a_board_on_a_known_chip_is_one_file(boards_folder: Path) -> None:
    text = (boards_folder / "st/nucleo_f446re.toml").read_text()
    mine = text.replace('id = "nucleo_f446re"', 'id = "my_board"').replace('["nucleo-f446re"]', "[]")
    (boards_folder / "st/my_board.toml").write_text(mine)
    assert load_boards(boards_folder)["my_board"].chip.id == "stm32f446re"
