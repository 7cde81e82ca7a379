// STM32H5: sectors of 8 KB in two banks, programmed by 128 bits with error correction, each once between erasures. The
// registers are those that are not secure: TrustZone is off as delivered. Data is read through the instruction cache.
// Source: RM0481 7.3.5 to 7.3.7 (operations), 7.11 (registers), 8.4 and 8.7 (ICACHE).
#include "board_config.h"
#if defined(TINYGEN_CHIP_STM32H5) && TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "flash.h"
#include "registers.h"

namespace tinygen::port::flash {
namespace {

constexpr uint32_t kKey = board::kFlashBase + 0x04;
constexpr uint32_t kStatus = board::kFlashBase + 0x20;
constexpr uint32_t kControl = board::kFlashBase + 0x28;
constexpr uint32_t kClear = board::kFlashBase + 0x30;
constexpr uint32_t kBusy = (1U << 0) | (1U << 1) | (1U << 3);  // BSY, WBNE, DBNE: also a word that is not complete
constexpr uint32_t kErrors = 0x9E0000;                         // OPTCHANGE 23, INC 20, STRB 19, PGS 18, WRP 17
constexpr uint32_t kLocked = 1U << 0;
constexpr uint32_t kProgram = 1U << 1;
constexpr uint32_t kErase = 1U << 2;
constexpr uint32_t kStart = 1U << 5;
constexpr uint32_t kSecondBank = board::kStateBank << 31;
constexpr uint32_t kWords = 4;

}  // namespace

const Controller kController = {
    kKey, kControl, kStatus, kClear, kBusy, kErrors, 1U << 16, kLocked, kStart, kProgram,
};

void ask_erasure(uint32_t number) {
  reg(kControl) = kErase | (number << 6) | kSecondBank;
}

bool put_word(uint32_t address, const uint32_t* from) {
  disable_interrupts();  // nothing comes between the parts of a word
  for (uint32_t i = 0; i < kWords; ++i) {
    reg(address + 4 * i) = from[i];
  }
  data_barrier();
  enable_interrupts();
  return true;
}

void forget_cached(uint32_t, uint32_t) {
  constexpr uint32_t kCache = board::kCacheBase + 0x00;  // on 0, invalidate 1
  constexpr uint32_t kCacheStatus = board::kCacheBase + 0x04;
  set_bits(kCache, 1U << 1);
  (void)wait_for(kCacheStatus, 1U, 0U, kPolls);
}

}  // namespace tinygen::port::flash

#endif
