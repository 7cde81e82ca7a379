// STM32L4, G4 and H5: reading a word that error correction gives up raises an NMI. While a block is read that is an
// answer; anywhere else it is a fault. The flag has to go before the next word is read.
// Source: RM0351 and RM0440 3.3.2 and 3.7.7 (ECCR), RM0481 7.3.4 and 7.11 (ECCDETR).
#include "board_config.h"
#if (defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4) || defined(TINYGEN_CHIP_STM32H5)) && \
    TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "flash.h"
#include "registers.h"

namespace {

#if defined(TINYGEN_CHIP_STM32H5)
constexpr uint32_t kCorrection = tinygen::board::kFlashBase + 0x104;
#else
constexpr uint32_t kCorrection = tinygen::board::kFlashBase + 0x18;
#endif
constexpr uint32_t kGaveUp = 1U << 31;

volatile bool reading;
volatile bool gave_up;

}  // namespace

extern "C" {

void tinygen_fault_entry();
void tinygen_flash_nmi();

// Whether the NMI was an answer.
__attribute__((used)) uint32_t tinygen_flash_gave_up() {
  using namespace tinygen::port;
  if (!reading || (reg(kCorrection) & kGaveUp) == 0) {
    return 0;
  }
  reg(kCorrection) = kGaveUp;
  gave_up = true;
  return 1;
}

__attribute__((naked, used)) void tinygen_flash_nmi() {
  __asm__ volatile(
      "push {r4, lr}\n"
      "bl tinygen_flash_gave_up\n"
      "pop {r4, lr}\n"
      "cmp r0, #0\n"
      "beq 1f\n"
      "bx lr\n"
      "1: b tinygen_fault_entry\n");
}

}  // extern "C"

namespace tinygen::port::flash {

bool read(uint32_t address, uint32_t* into) {
  reg(kCorrection) = kGaveUp;
  gave_up = false;
  reading = true;
  for (uint32_t i = 0; i < store::kBlockWords; ++i) {
    into[i] = reg(address + 4 * i);
    data_barrier();
    instruction_barrier();
  }
  const bool left = (reg(kCorrection) & kGaveUp) != 0;
  reading = false;
  return !gave_up && !left;
}

}  // namespace tinygen::port::flash

#endif
