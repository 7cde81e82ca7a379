// STM32L4 and G4: pages of 2 KB in two banks, programmed by 64 bits with error correction, each once between erasures.
// Source: RM0351 3.3 (operations) and 3.7 (registers), RM0440 3.3 and 3.7: one controller.
#include "board_config.h"
#if (defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4)) && TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "flash.h"
#include "registers.h"

namespace tinygen::port::flash {
namespace {

constexpr uint32_t kKey = board::kFlashBase + 0x08;
constexpr uint32_t kStatus = board::kFlashBase + 0x10;
constexpr uint32_t kControl = board::kFlashBase + 0x14;
constexpr uint32_t kBusy = 1U << 16;
constexpr uint32_t kErrors = 0xC3FA;  // OPTV 15, RD 14, FAST 9, MISS 8, PGS 7, SIZ 6, PGA 5, WRP 4, PROG 3, OP 1
constexpr uint32_t kProgram = 1U << 0;
constexpr uint32_t kErase = 1U << 1;
constexpr uint32_t kSecondBank = board::kStateBank << 11;
constexpr uint32_t kStart = 1U << 16;
constexpr uint32_t kLocked = 1U << 31;

}  // namespace

const Controller kController = {
    kKey, kControl, kStatus, kStatus, kBusy, kErrors, 1U, kLocked, kStart, kProgram,
};

void ask_erasure(uint32_t number) {
  reg(kControl) = kErase | (number << 3) | kSecondBank;
}

bool put_word(uint32_t address, const uint32_t* from) {
  reg(address) = from[0];
  instruction_barrier();  // the halves in this order
  reg(address + 4) = from[1];
  data_barrier();
  return true;
}

void forget_cached(uint32_t, uint32_t) {
  empty_accelerator();
}

}  // namespace tinygen::port::flash

#endif
