// Source: ARMv7-M Architecture Reference Manual, B2.2.7 (cache maintenance), B3.2.8 (CCR), B4.8 (CLIDR, CCSIDR,
// CSSELR).
#include "cache.h"

#include "board_config.h"
#include "registers.h"

namespace tinygen::port {

#if defined(TINYGEN_CHIP_STM32F7) || defined(TINYGEN_CHIP_STM32H7)

void start_caches() {
  constexpr uint32_t kConfiguration = 0xE000ED14;   // data cache on 16, instruction cache on 17
  constexpr uint32_t kSize = 0xE000ED80;            // of the selected cache: ways - 1 12:3, sets - 1 27:13
  constexpr uint32_t kSelection = 0xE000ED84;       // 0: level 1, data
  constexpr uint32_t kForgetCode = 0xE000EF50;      // ICIALLU
  constexpr uint32_t kForgetDataLine = 0xE000EF60;  // DCISW: way from 30 down, set from 5 up (lines of 32 bytes)
  data_barrier();
  instruction_barrier();
  reg(kForgetCode) = 0;
  data_barrier();
  instruction_barrier();
  set_bits(kConfiguration, 1U << 17);
  data_barrier();
  instruction_barrier();

  reg(kSelection) = 0;
  data_barrier();
  const uint32_t size = reg(kSize);
  const uint32_t last_set = size >> 13 & 0x7FFF;
  const uint32_t last_way = size >> 3 & 0x3FF;
  for (uint32_t set = 0; set <= last_set; ++set) {
    for (uint32_t way = 0; way <= last_way; ++way) {
      reg(kForgetDataLine) = (set << 5) | (way << 30);
    }
  }
  data_barrier();
  set_bits(kConfiguration, 1U << 16);
  data_barrier();
  instruction_barrier();
}

void forget_data(uint32_t address, uint32_t bytes) {
  constexpr uint32_t kForgetAddress = 0xE000EF5C;  // DCIMVAC
  constexpr uint32_t kLine = 32;
  data_barrier();
  for (uint32_t at = address & ~(kLine - 1); at < address + bytes; at += kLine) {
    reg(kForgetAddress) = at;
  }
  data_barrier();
  instruction_barrier();
}

#else

void start_caches() {}

void forget_data(uint32_t, uint32_t) {}

#endif

}  // namespace tinygen::port
