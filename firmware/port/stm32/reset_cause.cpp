#include "reset_cause.h"

#include "board_config.h"
#include "registers.h"
#include "tinygen/fault.h"

namespace tinygen::port {
namespace {

ResetCause cause = ResetCause::unknown;
TinygenFault earlier = {};

}  // namespace

#if defined(TINYGEN_CHIP_STM32F4)

// Source: RM0090 rev 19, 7.3.21 (RCC_CSR); the flags add up until they are removed.
ResetCause take_reset_flags() {
  constexpr uint32_t kStatus = board::kRccBase + 0x74;
  constexpr uint32_t kRemoveFlags = 1U << 24;
  const uint32_t flags = reg(kStatus);
  set_bits(kStatus, kRemoveFlags);
  if ((flags & (1U << 27)) != 0) {  // power-on sets brown-out and pin too
    return ResetCause::power_on;
  }
  if ((flags & (1U << 29 | 1U << 30)) != 0) {
    return ResetCause::watchdog;
  }
  if ((flags & (1U << 28)) != 0) {
    return ResetCause::software;
  }
  if ((flags & (1U << 31)) != 0) {
    return ResetCause::low_power;
  }
  if ((flags & (1U << 25)) != 0) {
    return ResetCause::brown_out;
  }
  return (flags & (1U << 26)) != 0 ? ResetCause::pin : ResetCause::unknown;
}

#else

ResetCause take_reset_flags() {
  return ResetCause::unknown;
}

#endif

void find_reset_cause() {
  cause = take_reset_flags();
  if (tinygen_fault.magic == kTinygenFaultMagic && cause != ResetCause::power_on) {
    earlier = tinygen_fault;
    cause = ResetCause::fault;
  }
  tinygen_fault.magic = 0;  // the next start is not blamed on it
}

ResetCause reset_cause() {
  return cause;
}

const TinygenFault* last_fault() {
  return earlier.magic == kTinygenFaultMagic ? &earlier : nullptr;
}

}  // namespace tinygen::port
