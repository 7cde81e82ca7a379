// The clock tree of this chip family; one clock_<family>.cpp implements it.
#pragma once
#include <stdint.h>

namespace tinygen::port {

constexpr uint32_t kHseReadyPolls = 30000;  // a crystal starts in 2 ms (datasheets, t_SU(HSE)); 7 ms and more of polls
constexpr uint32_t kReadyPolls = 10000;     // PLL lock 300 us at most, regulator and switch less

// Prescaler fields of the peripheral buses: 0xx = not divided, 100 = 2, 101 = 4, 110 = 8, 111 = 16.
constexpr uint32_t prescaler_bits(uint32_t divider) {
  return divider == 1 ? 0U : divider == 2 ? 4U : divider == 4 ? 5U : divider == 8 ? 6U : 7U;
}

// What is running now, in Hz.
struct Clocks {
  uint32_t core_hz;
  uint32_t apb1_hz;
  uint32_t apb2_hz;
  bool as_planned;  // false: on the internal oscillator, because a ready bit did not come
};

// Sets up the tree of board_config.h. Every wait has a limit; when one runs out, the chip stays on (or goes back to)
// its internal oscillator and the answer says so.
Clocks start_clocks();

// What start_clocks() answered.
const Clocks& running_clocks();

}  // namespace tinygen::port
