"""The host port over a pipe, under sanitizers, and the Arduino port against a stand-in for the core's headers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tinygen.boards.loader import load_boards
from tinygen.core.files import write_tree
from tinygen.firmware.project_view import render_project

pytestmark = pytest.mark.host

ECHO = Path(__file__).parents[1] / "sim" / "echo_app.cpp"
CXX = ["-std=gnu++17", "-O1", "-fno-exceptions", "-fno-rtti"]
WARN = ["-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Wundef"]

ARDUINO_H = """\
// Only what the port uses, declared as arduino-esp32 2.0.17 does: cores/esp32/HardwareSerial.h, Esp.h, Arduino.h.
#pragma once
#include <stddef.h>
#include <stdint.h>
class HardwareSerial {
 public:
  void begin(unsigned long baud, uint32_t config = 0x800001c, int8_t rxPin = -1, int8_t txPin = -1, bool invert = false,
             unsigned long timeout_ms = 20000UL, uint8_t rxfifo_full_thrhd = 112);
  int available(void);
  int read(void);
  size_t read(uint8_t* buffer, size_t size);
  size_t write(uint8_t);
  size_t write(const uint8_t* buffer, size_t size);
  size_t setRxBufferSize(size_t new_size);
};
extern HardwareSerial Serial;
class EspClass {
 public:
  void restart();
};
extern EspClass ESP;
extern "C" void yield(void);
void setup(void);
void loop(void);
#define bit(b) (1UL << (b))
#define DEFAULT 1
typedef uint8_t byte;
"""


# Only what esp32.cpp uses, declared as ESP-IDF 4.4 does.
ESP_HEADERS = {
    "esp_attr.h": '#define RTC_NOINIT_ATTR __attribute__((section(".rtc_noinit")))\n',
    "esp_rom_uart.h": '#include <stdint.h>\nextern "C" void esp_rom_uart_tx_one_char(uint8_t c);\n',
    "esp_system.h": """\
typedef enum {
  ESP_RST_UNKNOWN, ESP_RST_POWERON, ESP_RST_EXT, ESP_RST_SW, ESP_RST_PANIC, ESP_RST_INT_WDT, ESP_RST_TASK_WDT,
  ESP_RST_WDT, ESP_RST_DEEPSLEEP, ESP_RST_BROWNOUT, ESP_RST_SDIO,
} esp_reset_reason_t;
extern "C" esp_reset_reason_t esp_reset_reason(void);
""",
    "freertos/xtensa_api.h": """\
typedef struct {
  long exit, pc, ps, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, sar, exccause, excvaddr;
} XtExcFrame;
typedef void (*xt_exc_handler)(XtExcFrame*);
extern "C" xt_exc_handler xt_set_exception_handler(int n, xt_exc_handler f);
""",
    "hal/wdt_hal.h": """\
#include <stdint.h>
typedef enum { WDT_RWDT = 0, WDT_MWDT0, WDT_MWDT1 } wdt_inst_t;
typedef enum { WDT_STAGE0 = 0, WDT_STAGE1, WDT_STAGE2, WDT_STAGE3 } wdt_stage_t;
typedef enum {
  WDT_STAGE_ACTION_OFF = 0, WDT_STAGE_ACTION_INT, WDT_STAGE_ACTION_RESET_CPU, WDT_STAGE_ACTION_RESET_SYSTEM,
  WDT_STAGE_ACTION_RESET_RTC,
} wdt_stage_action_t;
typedef struct {
  wdt_inst_t inst;
  void* device;
} wdt_hal_context_t;
extern "C" {
void wdt_hal_init(wdt_hal_context_t* hal, wdt_inst_t inst, uint32_t prescaler, bool enable_intr);
void wdt_hal_config_stage(wdt_hal_context_t* hal, wdt_stage_t stage, uint32_t timeout, wdt_stage_action_t behavior);
void wdt_hal_write_protect_disable(wdt_hal_context_t* hal);
void wdt_hal_write_protect_enable(wdt_hal_context_t* hal);
void wdt_hal_enable(wdt_hal_context_t* hal);
void wdt_hal_feed(wdt_hal_context_t* hal);
}
""",
    "soc/rtc.h": '#include <stdint.h>\nextern "C" uint32_t rtc_clk_slow_freq_get_hz(void);\n',
}


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_host_port_echoes_and_ends_with_its_input(compiler: str, tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool(compiler)
    write_tree(tmp_path, render_project(load_boards()["host"], "echo", "aot", {}).files)
    sources = [*map(str, sorted(tmp_path.glob("lib/tinygen/src/port/host/*.cpp"))), str(ECHO), "src/main.cpp"]
    flags = [*CXX, *WARN, "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    command = [compiler, *flags, "-Iinclude", "-Ilib/tinygen/include", *sources, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    sent = bytes(b for b in range(256) if b not in b"?!#^~") * 16  # more than the ring holds
    done = subprocess.run([str(tmp_path / "program")], input=sent + b"?", capture_output=True, timeout=20, check=True)
    start = b"start=00000000 kind=00000004 made=0000002a data=00001234 "
    assert done.stdout.startswith(start + bytes(b + 1 & 0xFF for b in sent) + b"stack=")
    assert re.search(rb"lost=00000000 ", done.stdout)
    assert done.stderr == b""


def test_reset_ends_the_program(tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("g++")
    write_tree(tmp_path, render_project(load_boards()["host"], "echo", "aot", {}).files)
    sources = [*map(str, sorted(tmp_path.glob("lib/tinygen/src/port/host/*.cpp"))), str(ECHO), "src/main.cpp"]
    command = ["g++", *CXX, "-Iinclude", "-Ilib/tinygen/include", *sources, "-o", "program"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with subprocess.Popen([str(tmp_path / "program")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin is not None
        program.stdin.write(b"a!b")
        program.stdin.flush()
        assert program.wait(timeout=10) == 0


@pytest.mark.parametrize("core", ["ARDUINO_ARCH_ESP32", "ARDUINO_ARCH_STM32"])
def test_arduino_port_compiles_against_the_cores_signatures(core: str, tmp_path: Path, needs_tool: object) -> None:
    assert callable(needs_tool)
    needs_tool("g++")
    write_tree(tmp_path, render_project(load_boards()["esp32s3"], "echo", "aot", {}).files)
    reset = "extern void NVIC_SystemReset(void);\n" if core == "ARDUINO_ARCH_STM32" else ""
    (tmp_path / "core").mkdir()
    (tmp_path / "core/Arduino.h").write_text(ARDUINO_H + reset)
    for name, text in ESP_HEADERS.items():
        (tmp_path / "core" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "core" / name).write_text("#pragma once\n" + text)
    on_esp32 = core == "ARDUINO_ARCH_ESP32"
    sources = ["src/main.cpp", "lib/tinygen/src/port/arduino/port.cpp", "lib/tinygen/src/port/arduino/esp32.cpp"]
    sources += [str(p) for p in sorted(tmp_path.glob("lib/tinygen/src/port/esp32s3/*.cpp"))]
    flags = ["-std=gnu++17", "-fno-exceptions", "-fno-rtti", *WARN]
    includes = ["-Iinclude", "-Ilib/tinygen/include", "-isystem", "core"]
    for source in sources:
        command = ["g++", *flags, "-DARDUINO=10812", f"-D{core}", *includes, "-c", source, "-o", "out.o"]
        subprocess.run(command, cwd=tmp_path, check=True)
        names = subprocess.run(["nm", "-C", "out.o"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        defined = [line for line in names.splitlines() if " T " in line]
        if "port/esp32s3" in source:
            assert not defined, "the bare-metal port must vanish where Arduino is"
        elif "esp32.cpp" in source:
            names_here = ("reset_cause", "last_fault", "feed", "watchdog_ms", "expect_long_run", "write_polled")
            for function in names_here:
                assert any(f"tinygen::port::{function}(" in line for line in defined) == on_esp32, function
        elif "main" in source:
            assert any("setup" in line for line in defined) and any("loop" in line for line in defined)
        else:
            wanted = (
                "init",
                "read",
                "write",
                "idle",
                "counter",
                "counter_kind",
                "stack_bytes",
                "receive_overruns",
                "reset",
                "image_spans",
                *(() if on_esp32 else ("reset_cause", "last_fault", "feed", "watchdog_ms", "expect_long_run")),
            )
            for function in wanted:
                assert any(f"tinygen::port::{function}(" in line for line in defined), function
