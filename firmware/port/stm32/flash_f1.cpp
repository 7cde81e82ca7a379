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

}  // namespace

const Controller kController = {
    kKey, kControl, kStatus, kStatus, kBusy, kErrors, 1U << 5, kLocked, kStart, kProgram,
};

void ask_erasure(uint32_t number) {
  reg(kControl) = kErase;
  reg(kAddress) = kFlash + number * board::kStateSectorBytes;
}

// Two half-words.
bool put_word(uint32_t address, const uint32_t* from) {
  bool fine = true;
  for (uint32_t half = 0; half < 2 && fine; ++half) {
    *reinterpret_cast<volatile uint16_t*>(address + 2 * half) = static_cast<uint16_t>(*from >> 16 * half);
    data_barrier();
    fine = done();
  }
  return fine;
}

void forget_cached(uint32_t, uint32_t) {}

}  // namespace tinygen::port::flash

#endif
