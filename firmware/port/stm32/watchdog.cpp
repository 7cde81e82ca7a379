#include "watchdog.h"

#include "board_config.h"
#include "registers.h"
#include "tinygen/port.h"

// Source: RM0090 rev 19, 21.3 and 21.4 (IWDG): the same block in every STM32 family with this register layout. The slow
// oscillator runs at 32 kHz nominal, 17 to 47 kHz (DS8626, table of LSI characteristics).

namespace tinygen::port {
namespace {

constexpr uint32_t kKey = board::kWatchdogBase + 0x00;
constexpr uint32_t kPrescaler = board::kWatchdogBase + 0x04;
constexpr uint32_t kReload = board::kWatchdogBase + 0x08;
constexpr uint32_t kStatus = board::kWatchdogBase + 0x0C;

// DBGMCU: the watchdog stands still while a debugger has halted the core. Source: RM0008 31.16.3, RM0090 38.16.4 (F7,
// L4, G4 likewise), RM0433 60.5.8, RM0481 58.12.
#if defined(TINYGEN_CHIP_STM32F1)
constexpr uint32_t kFreeze = 0xE0042004;
constexpr uint32_t kFreezeBit = 1U << 8;
#elif defined(TINYGEN_CHIP_STM32H7)
constexpr uint32_t kFreeze = 0x5C001054;
constexpr uint32_t kFreezeBit = 1U << 18;
#elif defined(TINYGEN_CHIP_STM32H5)
constexpr uint32_t kFreeze = 0x44024008;
constexpr uint32_t kFreezeBit = 1U << 12;
#else
constexpr uint32_t kFreeze = 0xE0042008;
constexpr uint32_t kFreezeBit = 1U << 12;
#endif

constexpr uint32_t kFeed = 0xAAAA;
constexpr uint32_t kUnlock = 0x5555;
constexpr uint32_t kStart = 0xCCCC;
constexpr uint32_t kDivideBy256 = 6;      // 125 counts a second
constexpr uint32_t kUsual = 1000;         // 8 s nominal; 5.4 s where the oscillator is fast
constexpr uint32_t kLongest = 4096;       // 32.8 s
constexpr uint32_t kReadyPolls = 100000;  // a change takes up to five periods of the slow oscillator: 0.3 ms

bool running = false;

void set_counts(uint32_t counts) {
  (void)wait_for(kStatus, 3U, 0U, kReadyPolls);
  reg(kKey) = kUnlock;
  reg(kPrescaler) = kDivideBy256;
  reg(kReload) = counts - 1;
  (void)wait_for(kStatus, 3U, 0U, kReadyPolls);
  reg(kKey) = kFeed;
}

}  // namespace

void start_watchdog() {
  if constexpr (board::kWatchdogBase != 0) {
    set_bits(kFreeze, kFreezeBit);
    reg(kKey) = kStart;
    set_counts(kUsual);
    running = true;
  }
}

void feed() {
  if (running) {
    reg(kKey) = kFeed;
  }
}

std::uint32_t watchdog_ms() {
  return running ? kUsual * 8 : 0;
}

void expect_long_run(bool expected) {
  if (running) {
    set_counts(expected ? kLongest : kUsual);
  }
}

}  // namespace tinygen::port
