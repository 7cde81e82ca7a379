// What ESP-IDF knows of the chip, for both ports on it: reset reasons, the RTC watchdog, exceptions, memory that
// outlives a reset, the id in its fuses. Written against ESP-IDF 4.4 (Arduino core 2.0.17) and 5.5. Source: ESP-IDF
// Programming Guide, System API (esp_reset_reason, esp_efuse_mac_get_default), and its headers hal/wdt_hal.h,
// soc/rtc.h, xtensa_api.h, esp_rom_uart.h, esp_attr.h.
#if !defined(TINYGEN_STANDIN)

#include "chip.h"

#include <esp_attr.h>
#include <esp_idf_version.h>
#include <esp_rom_uart.h>
#include <esp_system.h>
#if ESP_IDF_VERSION_MAJOR >= 5
#include <esp_mac.h>
#include <xtensa_api.h>
#else
#include <freertos/xtensa_api.h>
#endif
#include <hal/wdt_hal.h>
#include <soc/rtc.h>

#include "tinygen/fault_loop.h"
#include "tinygen/port.h"

extern "C" {
RTC_NOINIT_ATTR TinygenFault tinygen_fault;
}

namespace tinygen::port {
namespace {

constexpr std::uint32_t kUsualMs = 8000;
constexpr std::uint32_t kLongestMs = 60000;

// Causes that end a program: all but the system call, interrupts, register windows and coprocessors switched on late.
constexpr int kFatal[] = {0, 2, 3, 6, 8, 9, 12, 13, 14, 15, 16, 17, 18, 20, 24, 26, 28, 29};

ResetCause cause = ResetCause::unknown;
TinygenFault earlier = {};
bool in_fault = false;
wdt_hal_context_t watchdog = {};

ResetCause said_by_system() {
  switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
      return ResetCause::power_on;
    case ESP_RST_EXT:
      return ResetCause::pin;
    case ESP_RST_SW:
      return ResetCause::software;
    case ESP_RST_PANIC:
      return ResetCause::fault;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
      return ResetCause::watchdog;
    case ESP_RST_BROWNOUT:
      return ResetCause::brown_out;
    case ESP_RST_DEEPSLEEP:
      return ResetCause::low_power;
    default:
      return ResetCause::unknown;
  }
}

void on_exception(XtExcFrame* frame) {
  tinygen_fault.architecture = kTinygenFaultXtensa;
  tinygen_fault.number = static_cast<std::uint32_t>(frame->exccause);
  tinygen_fault.pc = static_cast<std::uint32_t>(frame->pc);
  // Windowed calls keep the size of the caller's window in the two highest bits; code lies at 0x4....... .
  tinygen_fault.lr = (static_cast<std::uint32_t>(frame->a0) & 0x3FFFFFFFU) | 0x40000000U;
  tinygen_fault.sp = static_cast<std::uint32_t>(frame->a1);
  tinygen_fault.status[0] = static_cast<std::uint32_t>(frame->excvaddr);
  tinygen_fault.status[1] = static_cast<std::uint32_t>(frame->ps);
  tinygen_fault.status[2] = 0;
  tinygen_fault.status[3] = 0;
  tinygen_fault.magic = kTinygenFaultMagic;
  in_fault = true;
  if (tinygen_report_fault != nullptr) {
    tinygen_report_fault(&tinygen_fault);
  }
  tinygen_fault_loop();
}

void set_watchdog(std::uint32_t ms) {
  const std::uint32_t ticks_per_s = rtc_clk_slow_freq_get_hz();
  const auto ticks = static_cast<std::uint32_t>(static_cast<std::uint64_t>(ms) * ticks_per_s / 1000U);
  wdt_hal_write_protect_disable(&watchdog);
  wdt_hal_config_stage(&watchdog, WDT_STAGE0, ticks, WDT_STAGE_ACTION_RESET_SYSTEM);
  wdt_hal_feed(&watchdog);
  wdt_hal_write_protect_enable(&watchdog);
}

}  // namespace

void start_esp32() {
  cause = said_by_system();
  if (tinygen_fault.magic == kTinygenFaultMagic && cause != ResetCause::power_on) {
    earlier = tinygen_fault;
    cause = ResetCause::fault;
  }
  tinygen_fault.magic = 0;
  for (const int number : kFatal) {
    xt_set_exception_handler(number, &on_exception);
  }
  wdt_hal_init(&watchdog, WDT_RWDT, 0, false);
  set_watchdog(kUsualMs);
  wdt_hal_write_protect_disable(&watchdog);
  wdt_hal_enable(&watchdog);
  wdt_hal_write_protect_enable(&watchdog);
}

bool write_polled(const std::uint8_t* from, std::size_t count) {
  if (!in_fault) {
    return false;
  }
  for (std::size_t i = 0; i < count; ++i) {
#if ESP_IDF_VERSION_MAJOR >= 5
    esp_rom_output_tx_one_char(from[i]);
#else
    esp_rom_uart_tx_one_char(from[i]);
#endif
  }
  return true;
}

std::size_t unique_id(std::uint8_t* into, std::size_t capacity) {
  std::uint8_t mac[6] = {};
  if (capacity < sizeof mac || esp_efuse_mac_get_default(mac) != ESP_OK) {
    return 0;
  }
  for (std::size_t i = 0; i < sizeof mac; ++i) {
    into[i] = mac[i];
  }
  return sizeof mac;
}

ResetCause reset_cause() {
  return cause;
}

const TinygenFault* last_fault() {
  return earlier.magic == kTinygenFaultMagic ? &earlier : nullptr;
}

void feed() {
  wdt_hal_write_protect_disable(&watchdog);
  wdt_hal_feed(&watchdog);
  wdt_hal_write_protect_enable(&watchdog);
}

std::uint32_t watchdog_ms() {
  return kUsualMs;
}

void expect_long_run(bool expected) {
  set_watchdog(expected ? kLongestMs : kUsualMs);
}

}  // namespace tinygen::port

#endif
