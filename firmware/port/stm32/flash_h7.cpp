// STM32H7: sectors of 128 KB in two banks with registers of their own, programmed by 256 bits with error correction,
// each once between erasures. Source: RM0433 4.3.8 to 4.3.10 (operations), 4.7.7 (double error: a bus fault), 4.9
// (registers); ARMv7-M Architecture Reference Manual, B1.5.8 (FAULTMASK) and B3.2.8 (BFHFNMIGN).
#include "board_config.h"
#if defined(TINYGEN_CHIP_STM32H7) && TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "cache.h"
#include "flash.h"
#include "registers.h"

namespace tinygen::port::flash {
namespace {

constexpr uint32_t kBank = board::kFlashBase + 0x100 * board::kStateBank;
constexpr uint32_t kKey = kBank + 0x04;
constexpr uint32_t kControl = kBank + 0x0C;
constexpr uint32_t kStatus = kBank + 0x10;
constexpr uint32_t kClear = kBank + 0x14;
constexpr uint32_t kBusy = (1U << 0) | (1U << 1) | (1U << 2);  // BSY, WBNE, QW: also a word that is not complete
constexpr uint32_t kErrors = 0x6E0000;                         // OP 22, INC 21, STRB 19, PGS 18, WRP 17
constexpr uint32_t kGaveUp = 1U << 26;                         // DBECCERR
constexpr uint32_t kLocked = 1U << 0;
constexpr uint32_t kProgram = 1U << 1;
constexpr uint32_t kErase = 1U << 2;
constexpr uint32_t kByWords = 2U << 4;  // PSIZE: 32 bits in parallel
constexpr uint32_t kStart = 1U << 7;

}  // namespace

const Controller kController = {
    kKey, kControl, kStatus, kClear, kBusy, kErrors, 1U << 16, kLocked, kStart, kProgram | kByWords,
};

void ask_erasure(uint32_t number) {
  reg(kControl) = kErase | kByWords | (number << 8);
}

bool put_word(uint32_t address, const uint32_t* from) {
  instruction_barrier();
  data_barrier();
  disable_interrupts();  // nothing comes between the parts of a word
  for (uint32_t i = 0; i < store::kBlockWords; ++i) {
    reg(address + 4 * i) = from[i];
  }
  instruction_barrier();
  data_barrier();
  enable_interrupts();
  return true;
}

void forget_cached(uint32_t address, uint32_t bytes) {
  forget_data(address, bytes);
}

// A word that error correction gives up is a bus fault. With FAULTMASK set and BFHFNMIGN the core reads on.
bool read(uint32_t address, uint32_t* into) {
  constexpr uint32_t kConfiguration = 0xE000ED14;
  constexpr uint32_t kIgnoreDataFaults = 1U << 8;
  reg(kClear) = kGaveUp;
  data_barrier();
  __asm__ volatile("cpsid f" ::: "memory");
  set_bits(kConfiguration, kIgnoreDataFaults);
  data_barrier();
  instruction_barrier();
  for (uint32_t i = 0; i < store::kBlockWords; ++i) {
    into[i] = reg(address + 4 * i);
  }
  data_barrier();
  instruction_barrier();
  reg(kConfiguration) = reg(kConfiguration) & ~kIgnoreDataFaults;
  data_barrier();
  __asm__ volatile("cpsie f" ::: "memory");
  const bool gave_up = (reg(kStatus) & kGaveUp) != 0;
  reg(kClear) = kGaveUp;
  return !gave_up;
}

}  // namespace tinygen::port::flash

#endif
