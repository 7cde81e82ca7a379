// STM32F4 and F7: sectors, programmed by words of 32 bits (PSIZE, 2.7 V to 3.6 V), no error correction. Code in the
// same flash stands still while it is erased or written. Source: RM0090 rev 19, 3.6 (erase and program operations), 3.9
// (registers); RM0385 and RM0410, 3.3 and 3.7 (F7: bit 7 of SR is ERSERR; OPTCR bit 29 is nDBANK on F76x); ARMv7-M
// Architecture Reference Manual, B2.2.7 (cache maintenance).
#include "board_config.h"
#if (defined(TINYGEN_CHIP_STM32F4) || defined(TINYGEN_CHIP_STM32F7)) && TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "cache.h"
#include "flash.h"
#include "registers.h"

namespace tinygen::port::flash {
namespace {

constexpr uint32_t kKey = board::kFlashBase + 0x04;
constexpr uint32_t kStatus = board::kFlashBase + 0x0C;
constexpr uint32_t kControl = board::kFlashBase + 0x10;
constexpr uint32_t kBusy = 1U << 16;
constexpr uint32_t kErrors = 0x1F2;  // RDERR 8 (F4), PGSERR or ERSERR 7, PGPERR 6, PGAERR 5, WRPERR 4, OPERR 1
constexpr uint32_t kProgram = 1U << 0;
constexpr uint32_t kErase = 1U << 1;
constexpr uint32_t kByWords = 2U << 8;
constexpr uint32_t kStart = 1U << 16;
constexpr uint32_t kLocked = 1U << 31;

}  // namespace

const Controller kController = {
    kKey, kControl, kStatus, kStatus, kBusy, kErrors, 1U, kLocked, kStart, kProgram | kByWords,
};

void ask_erasure(uint32_t number) {
  reg(kControl) = kErase | kByWords | (number << 3);
}

bool put_word(uint32_t address, const uint32_t* from) {
  reg(address) = *from;
  data_barrier();
  return true;
}

void forget_cached(uint32_t address, uint32_t bytes) {
#if defined(TINYGEN_CHIP_STM32F7)
  forget_data(address, bytes);
#else
  static_cast<void>(address);
  static_cast<void>(bytes);
  empty_accelerator();
#endif
}

}  // namespace tinygen::port::flash

#endif
