#include "hosted.h"

#include "board_config.h"
#if !TINYGEN_BARE_METAL

#include "registers.h"
#include "reset_cause.h"
#include "tinygen/painted.h"
#include "tinygen/port.h"
#include "watchdog.h"

namespace tinygen::port {
namespace {

// Cortex-M7: the trace unit ignores writes until it is unlocked. Source: CoreSight lock access register (LAR), as in
// CMSIS' core_cm7.h; cores without it ignore the write.
constexpr uint32_t kDwtLock = 0xE0001FB0;
constexpr uint32_t kUnlock = 0xC5ACCE55;

}  // namespace

void start_chip() {
  uint32_t* frame;
  __asm__ volatile("mov %0, sp" : "=r"(frame));
  paint_stack(frame);
  set_bits(kSystemHandlers, 7U << 16);  // MemManage, BusFault and UsageFault speak for themselves
  find_reset_cause();
  set_bits(kDemcr, 1U << 24);
  reg(kDwtLock) = kUnlock;
  reg(kDwtCycles) = 0;
  set_bits(kDwtControl, 1U);
  start_watchdog();
}

std::uint32_t counter() {
  return reg(kDwtCycles);
}

CounterKind counter_kind() {
  return CounterKind::dwt;
}

}  // namespace tinygen::port

#endif
