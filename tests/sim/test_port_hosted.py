"""A project for STM32Cube, linked the way ST's scripts do it and run: what bare metal can, it can under a framework.

The framework is a stand-in (`tests/standins/stm32cube`): ST's names, start-up and linker script, no drivers of its own.
When the ports ran on the real frameworks: firmware/port/README.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tinygen.boards.framework import with_framework
from tinygen.boards.loader import find_board
from tinygen.core.errors import TinygenError
from tinygen.core.files import write_tree
from tinygen.core.values import CheckStatus
from tinygen.device import instruments
from tinygen.device.client import Client
from tinygen.device.faults import DeviceFaultError
from tinygen.device.unicorn_target import UnicornLink
from tinygen.device.values import Image
from tinygen.firmware.project_view import STACK_BYTES, render_project
from tinygen.pipeline.integrity import image_check
from tinygen.toolchain import elf

pytestmark = pytest.mark.sim

TESTS = Path(__file__).resolve().parents[1]
STANDIN = TESTS / "standins" / "stm32cube"
READS_NOTHING = b"\x00\x20\xc3\xf2\x00\x00\x00\x68\x70\x47"  # movs r0, #0; movt r0, #0x3000; ldr r0, [r0]; bx lr


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    compiler = "arm-none-eabi-g++"
    folder = tmp_path_factory.mktemp("hosted")
    board = with_framework(find_board("nucleo_f446re"), "stm32cube")
    engine = (TESTS / "host" / "test_protocol_engine.cpp").read_bytes()
    tree = render_project(board, "nothing", "stub", {"src/engine.cpp": engine})
    write_tree(folder, tree.files)
    sources = [
        *sorted(folder.glob("lib/tinygen/src/**/*.cpp")),
        *sorted(folder.glob("src/*.cpp")),
        STANDIN / "start.cpp",
    ]
    cpu = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]
    options = ["-std=gnu++17", "-O1", "-g", "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections"]
    places = [f"-I{folder}/include", f"-I{folder}/lib/tinygen/include", "-isystem", str(STANDIN)]
    links = ["-nostartfiles", "--specs=nano.specs", "--specs=nosys.specs", "-Wl,--gc-sections", f"-T{STANDIN}/flash.ld"]
    program = folder / "firmware.elf"
    words = [
        compiler,
        *cpu,
        *options,
        *places,
        *links,
        str(folder / "tools/hosted.ld"),
        "-o",
        str(program),
        *map(str, sources),
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    subprocess.run([sys.executable, "-P", "tools/digest.py", str(program)], cwd=folder, check=True)
    symbols = {name: symbol.address for name, symbol in elf.read(program, board.chip).symbols.items()}
    return Image(elf=program, symbols=symbols, build_id=tree.build_id)


@pytest.fixture
def core(image: Image) -> UnicornLink:
    """Fed by the USART's interrupt."""
    board = with_framework(find_board("nucleo_f446re"), "stm32cube")
    return UnicornLink(board, board.simulators[0], image, interrupts=True)


@pytest.fixture(autouse=True)
def tools(needs_tool: Callable[..., str], needs_module: Callable[..., None]) -> None:
    needs_tool("arm-none-eabi-g++", "gcc-arm-none-eabi")
    needs_module("unicorn", "sim")


def test_requests_arrive_by_interrupt_and_the_stack_is_told(core: UnicornLink, image: Image) -> None:
    client = Client(core, 10.0)
    hello = client.hello()
    assert hello.build_id == image.build_id
    assert hello.reset_cause == "power-on"
    assert hello.watchdog_ms == 8000
    memory = client.memory()
    assert memory.stack_bytes == STACK_BYTES
    assert 200 < memory.stack_used_bytes < 2000


def test_the_image_has_a_digest_over_all_of_its_flash(core: UnicornLink, image: Image) -> None:
    client = Client(core, 10.0)
    client.hello()
    found = instruments.integrity(client, again=False)
    covered = sum(size for _, size in found.spans)
    loaded = elf.read(image.elf, with_framework(find_board("nucleo_f446re"), "stm32cube").chip).flash_bytes
    assert covered == loaded - 16  # all but the record
    assert image_check(client, image.elf, ()).status is CheckStatus.PASSED
    last = found.spans[1][0] + found.spans[1][1] - 4  # behind the record: the list of constructors
    core.write_memory(last, bytes(byte ^ 1 for byte in core.read_memory(last, 1)))
    assert image_check(client, image.elf, ()).status is CheckStatus.FAILED


def test_a_crash_is_told_and_outlives_the_watchdogs_reset(core: UnicornLink, image: Image) -> None:
    infer = next(address for name, address in image.symbols.items() if "model5infer" in name) & ~1
    kept = core.read_memory(infer, len(READS_NOTHING))
    core.write_memory(infer, READS_NOTHING)
    client = Client(core, 10.0)
    client.hello()
    client.write_input(bytes(40))
    with pytest.raises(DeviceFaultError) as caught:
        client.infer()
    assert caught.value.fault.name.startswith("BusFault")
    core.write_memory(infer, kept)
    for _ in range(60):
        try:
            if any(b"ready" in frame.payload for frame in client.listen(2.0)):
                break
        except TinygenError:
            continue
    assert client.hello().reset_cause == "fault"
    last = instruments.last_fault(client)
    assert last is not None
    assert last.pc == caught.value.fault.pc


@pytest.mark.parametrize(("variables", "said"), [(100, ""), (14_000, ""), (18_500, "less than 2 KB of RAM")])
def test_the_watched_stack_never_reaches_into_variables(variables: int, said: str, tmp_path: Path) -> None:
    """On a chip with 20 KB of RAM: what is painted at the start must hold nothing yet."""
    board = with_framework(find_board("nucleo_f446re"), "stm32cube")
    write_tree(tmp_path, render_project(board, "nothing", "stub", {}).files)
    (tmp_path / "small.ld").write_text((STANDIN / "flash.ld").read_text().replace("128K", "20K"))
    program = f"char big[{variables}]; const int g_pfnVectors = 1; void Reset_Handler(void) {{ big[0] = 1; }}"
    (tmp_path / "small.c").write_text(program)
    words = ["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m3", "-nostdlib", "-T", "small.ld", "tools/hosted.ld"]
    done = subprocess.run(
        [*words, "small.c", "-o", "small.elf"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0) == bool(said), done.stderr
    assert said in done.stderr
    if not said:
        listed = subprocess.run(["nm", "small.elf"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        places = {line.split()[2]: int(line.split()[0], 16) for line in listed.splitlines()}
        assert places["_stack_limit"] >= places["_ebss"] + 64
        assert places["_stack_top"] - places["_stack_limit"] <= STACK_BYTES
