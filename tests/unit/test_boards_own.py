"""A board of one's own: one file, begun from a template, checked, found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tinygen.boards.loader import find_board, load_boards
from tinygen.boards.schema import BoardFile, ClockFile, PlatformioFile, SerialFile
from tinygen.boards.template import board_file
from tinygen.core.errors import TinygenError
from tinygen.core.values import CheckStatus
from tinygen.pipeline import catalogue

CHIPS = sorted({board.chip.id for board in load_boards().values() if board.chip.arch != "native"})


@pytest.mark.parametrize("chip", CHIPS)
def test_a_new_board_on_any_known_chip_is_valid_at_once(
    chip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", chip, None)
    assert catalogue.check((Path("boards/mine.toml"),)).ok
    board = find_board("mine")
    assert board.chip.id == chip
    assert board.simulators


def test_the_template_explains_every_field() -> None:
    like = load_boards()["nucleo_g474re"]
    text = board_file("mine", like.chip, like)
    for model in (BoardFile, SerialFile, ClockFile, PlatformioFile):
        for name in model.model_fields:
            assert f"{name} = " in text or f"[{name}]" in text, name


def test_what_is_wrong_in_an_own_board_is_said_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", "stm32f446re", None)
    path = tmp_path / "boards" / "mine.toml"
    path.write_text(path.read_text().replace("pll_n = 180", "pll_n = 200"))
    report = catalogue.check((path,))
    assert not report.ok
    assert "exit_code" not in report.details, "a check that said no: exit code 1"
    assert "mine.toml: clock: PLL output: 200000000 Hz" in report.checks[0].reason
    with pytest.raises(TinygenError, match="PLL output"):
        find_board("mine")


def test_a_broken_file_hides_no_other_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", "stm32f446re", None)
    broken = tmp_path / "boards" / "broken.toml"
    broken.write_text('id = "broken')
    assert find_board("mine").id == "mine" and find_board("nucleo_f446re").id == "nucleo_f446re"
    listed = catalogue.show(None)
    assert any(str(broken) in note for note in listed.notes)
    with pytest.raises(TinygenError) as caught:
        find_board("broken")
    assert caught.value.where == str(broken)
    with pytest.raises(TinygenError) as caught:
        find_board("other")
    assert str(broken) in caught.value.hint
    checks = {check.name: check.status is CheckStatus.PASSED for check in catalogue.check(()).checks}
    assert checks == {"catalogue": True, "broken.toml": False, "mine.toml": True}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tx_pin = "PA2"', 'tx_pin = "PA5"', "serial.tx_pin: PA5 does not carry USART2_TX on stm32f446re; PA2 can"),
        ("alternate_function = 7", "alternate_function = 8", "serial.alternate_function: 8; USART2_TX on PA2 is 7"),
    ],
)
def test_pins_must_carry_the_serial_line(
    old: str, new: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", "stm32f446re", None)
    path = tmp_path / "boards" / "mine.toml"
    text = path.read_text().replace('led_pin = "PA5"', 'led_pin = "PB3"')
    assert old in text
    path.write_text(text.replace(old, new))
    assert said in catalogue.check((path,)).checks[0].reason


def test_a_named_file_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue.new("mine", "stm32f103c8", tmp_path / "mine.toml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TinygenError, match="unknown board"):
        find_board("mine")
    monkeypatch.setenv("TINYGEN_BOARDS", str(tmp_path / "mine.toml"))
    assert find_board("mine").chip.id == "stm32f103c8"


@pytest.mark.parametrize(
    ("identifier", "chip", "said"),
    [
        ("nucleo_f446re", "stm32f446re", "there is a board 'nucleo_f446re' already"),
        ("bluepill", "stm32f103c8", "another name of bluepill_f103c8"),
        ("My Board", "stm32f446re", "no board id"),
        ("mine", "stm32f446", "unknown chip"),
    ],
)
def test_a_board_that_cannot_be_begun(identifier: str, chip: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(TinygenError, match=said):
        catalogue.new(identifier, chip, tmp_path / "x.toml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('peripheral = "i2c9"\npins = { scl = "PB8", sda = "PB9" }', "describes no 'i2c9'"),
        ('peripheral = "i2c1"\npins = { scl = "PB8", sda = "PX9" }', "is no STM32 pin"),
        ('peripheral = "i2c1"\npins = { scl = "PA2", sda = "PB9" }', "has two uses"),
        ('peripheral = "i2c1"\npins = { clock = "PB8", sda = "PB9" }', "needs scl, sda"),
    ],
)
def test_sensors_that_cannot_be(table: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.new("mine", "stm32f446re", None)
    path = tmp_path / "boards" / "mine.toml"
    text = path.read_text().replace("# [sensors]", f"[sensors.imu]\n{table}\n# [sensors]")
    path.write_text(text)
    report = catalogue.check((path,))
    assert not report.ok
    assert any(said in check.reason for check in report.checks)
