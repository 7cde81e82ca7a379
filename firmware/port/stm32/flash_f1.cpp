// STM32F1: pages of 1 KB, programmed by half-words into blank flash only, no error correction. Code in the same flash
// stands still while it is erased or written. The internal oscillator must run: it does from reset on.
// Source: PM0075 rev 2, 2.3 (operations) and 3 (registers).
#include "board_config.h"
#if defined(TINYGEN_CHIP_STM32F1) && TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "flash.h"
#include "registers.h"

namespace tinygen::port::flash {
namespace {

constexpr uint32_t kKey = board::kFlashBase + 0x04;
constexpr uint32_t kStatus = board::kFlashBase + 0x0C;
constexpr uint32_t kControl = board::kFlashBase + 0x10;
constexpr uint32_t kAddress = board::kFlashBase + 0x14;
constexpr uint32_t kBusy = 1U << 0;
constexpr uint32_t kErrors = (1U << 2) | (1U << 4);  // PGERR, WRPRTERR
constexpr uint32_t kProgram = 1U << 0;
constexpr uint32_t kErase = 1U << 1;
constexpr uint32_t kStart = 1U << 6;
constexpr uint32_t kLocked = 1U << 7;
constexpr uint32_t kFlash = 0x08000000;

bool ready() {
  const bool idle = wait_idle(kStatus, kBusy);
  reg(kStatus) = kErrors | (1U << 5);
  return idle;
}

bool done() {
  return wait_idle(kStatus, kBusy) && (reg(kStatus) & kErrors) == 0;
}

}  // namespace

bool unlock() {
  return unlocked_by_keys(kControl, kLocked, kKey);
}

void lock() {
  set_bits(kControl, kLocked);
}

store::Outcome erase_sector(uint32_t number) {
  bool fine = ready();
  if (fine) {
    reg(kControl) = kErase;
    reg(kAddress) = kFlash + number * board::kStateSectorBytes;
    reg(kControl) = kErase | kStart;
    data_barrier();
    fine = done();
    reg(kControl) = 0;
  }
  return fine ? store::Outcome::done : store::Outcome::erase_failed;
}

// Two half-words.
store::Outcome program(uint32_t address, const uint32_t* from) {
  bool fine = ready();
  reg(kControl) = kProgram;
  for (uint32_t half = 0; half < 2 && fine; ++half) {
    *reinterpret_cast<volatile uint16_t*>(address + 2 * half) = static_cast<uint16_t>(*from >> 16 * half);
    data_barrier();
    fine = done();
  }
  reg(kControl) = 0;
  return fine ? store::Outcome::done : store::Outcome::program_failed;
}

void forget_cached(uint32_t, uint32_t) {}

}  // namespace tinygen::port::flash

#endif
