#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "counter.h"

#include "registers.h"

namespace tinygen::port {
namespace {

constexpr uint32_t kSysTickSpan = 1U << 24;
constexpr uint32_t kSysTickPending = 1U << 26;

CounterKind kind = CounterKind::none;
volatile uint32_t wraps = 0;
uint32_t last_high = 0;  // of the last reading
uint32_t last_low = 0;

// True when the register changes while some instructions pass.
bool counts(uint32_t address) {
  const uint32_t before = reg(address);
  for (uint32_t i = 0; i < 256; ++i) {
    if (reg(address) != before) {
      return true;
    }
  }
  return false;
}

uint32_t read_systick() {
  disable_interrupts();
  uint32_t high = wraps;
  uint32_t left = reg(kSysTickValue);
  if ((reg(kIcsr) & kSysTickPending) != 0) {  // wrapped just now, and not yet counted
    left = reg(kSysTickValue);
    ++high;
  }
  // A simulator may raise the interrupt some instructions after the wrap: then the count must not run backwards.
  const uint32_t low = kSysTickSpan - 1 - left;
  if (high + 1 == last_high) {
    high = last_high;
  }
  if (high == last_high && low < last_low) {
    ++high;
  }
  last_high = high;
  last_low = low;
  enable_interrupts();
  return high * kSysTickSpan + low;
}

}  // namespace

void start_counter() {
  set_bits(kDemcr, 1U << 24);
  reg(kDwtCycles) = 0;
  set_bits(kDwtControl, 1U);
  const bool cycles = counts(kDwtCycles);
  // SysTick runs in any case: its interrupt ends a sleep in time to feed the watchdog.
  reg(kSysTickReload) = kSysTickSpan - 1;
  reg(kSysTickValue) = 0;
  reg(kSysTickControl) = 7;  // processor clock, interrupt, on
  kind = cycles ? CounterKind::dwt : counts(kSysTickValue) ? CounterKind::systick : CounterKind::none;
}

uint32_t counter() {
  switch (kind) {
    case CounterKind::dwt:
      return reg(kDwtCycles);
    case CounterKind::systick:
      return read_systick();
    default:
      return 0;
  }
}

CounterKind counter_kind() {
  return kind;
}

// A turn of SysTick is 67 ms at 250 MHz, 233 ms at 72 MHz.
std::uint32_t beats() {
  return wraps;
}

}  // namespace tinygen::port

extern "C" __attribute__((used)) void tinygen_systick_interrupt() {
  tinygen::port::wraps = tinygen::port::wraps + 1;
}

#endif
