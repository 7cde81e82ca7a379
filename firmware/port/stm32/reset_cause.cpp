#include "reset_cause.h"

#include "board_config.h"
#include "registers.h"
#include "tinygen/fault.h"

namespace tinygen::port {
namespace {

ResetCause cause = ResetCause::unknown;
TinygenFault earlier = {};

}  // namespace

namespace {

// Where a family keeps its reset flags. Power-on sets the brown-out and pin flags too; L4, G4 and H5 have no flag for
// it but that of brown-out.
struct ResetFlags {
  uint32_t offset;  // from RCC
  uint32_t remove;
  uint32_t power_on;
  uint32_t watchdog;
  uint32_t software;
  uint32_t low_power;
  uint32_t brown_out;
  uint32_t pin;
};

constexpr uint32_t bit(uint32_t place) {
  return 1U << place;
}

#if defined(TINYGEN_CHIP_STM32F1)
// Source: RM0008 rev 21, 7.3.10.
constexpr ResetFlags kFlags = {0x24, bit(24), bit(27), bit(29) | bit(30), bit(28), bit(31), 0, bit(26)};
#elif defined(TINYGEN_CHIP_STM32F4) || defined(TINYGEN_CHIP_STM32F7)
// Source: RM0090 rev 19, 7.3.21; RM0385, 5.3.21.
constexpr ResetFlags kFlags = {0x74, bit(24), bit(27), bit(29) | bit(30), bit(28), bit(31), bit(25), bit(26)};
#elif defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4)
// Source: RM0351 rev 9, 6.4.29; RM0440 rev 8, 7.4.28.
constexpr ResetFlags kFlags = {0x94, bit(23), bit(27), bit(29) | bit(30), bit(28), bit(31), 0, bit(26)};
#elif defined(TINYGEN_CHIP_STM32H7)
// Source: RM0433 rev 8, 8.7.39.
constexpr ResetFlags kFlags = {0xD0, bit(16), bit(23), bit(26) | bit(28), bit(24), bit(30), bit(21), bit(22)};
#elif defined(TINYGEN_CHIP_STM32H5)
// Source: RM0481 rev 2, 11.8.
constexpr ResetFlags kFlags = {0xF4, bit(23), bit(27), bit(29) | bit(30), bit(28), bit(31), 0, bit(26)};
#else
#error "the reset flags of this family are not described"
#endif

}  // namespace

// The flags add up until they are removed.
ResetCause take_reset_flags() {
  constexpr uint32_t kStatus = board::kRccBase + kFlags.offset;
  const uint32_t flags = reg(kStatus);
  set_bits(kStatus, kFlags.remove);
  if ((flags & kFlags.power_on) != 0) {
    return ResetCause::power_on;
  }
  if ((flags & kFlags.watchdog) != 0) {
    return ResetCause::watchdog;
  }
  if ((flags & kFlags.software) != 0) {
    return ResetCause::software;
  }
  if ((flags & kFlags.low_power) != 0) {
    return ResetCause::low_power;
  }
  if ((flags & kFlags.brown_out) != 0) {
    return ResetCause::brown_out;
  }
  return (flags & kFlags.pin) != 0 ? ResetCause::pin : ResetCause::unknown;
}

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
