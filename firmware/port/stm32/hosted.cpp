#include "hosted.h"

#include "board_config.h"
#if !TINYGEN_BARE_METAL

#include "registers.h"
#include "reset_cause.h"
#include "tinygen/fault.h"
#include "tinygen/port.h"
#include "watchdog.h"

extern "C" {

// The framework owns the exceptions: no record is ever left here. A crash ends in the watchdog.
TinygenFault tinygen_fault = {};

__attribute__((noinline, used)) void tinygen_fault_loop() {
  for (;;) {
    __asm__ volatile("nop");
  }
}

}  // extern "C"

namespace tinygen::port {
namespace {

// Cortex-M7: the trace unit ignores writes until it is unlocked. Source: CoreSight lock access register (LAR), as in
// CMSIS' core_cm7.h; cores without it ignore the write.
constexpr uint32_t kDwtLock = 0xE0001FB0;
constexpr uint32_t kUnlock = 0xC5ACCE55;

}  // namespace

void start_chip() {
  find_reset_cause();
  set_bits(kDemcr, 1U << 24);
  reg(kDwtLock) = kUnlock;
  reg(kDwtCycles) = 0;
  set_bits(kDwtControl, 1U);
  start_watchdog();
}

void restart_chip() {
  data_barrier();
  reg(kAircr) = 0x05FA0004;
  data_barrier();
  for (;;) {
    __asm__ volatile("nop");
  }
}

std::uint32_t counter() {
  return reg(kDwtCycles);
}

CounterKind counter_kind() {
  return CounterKind::dwt;
}

}  // namespace tinygen::port

#endif
