// The clock tree of this chip family; one clock_<family>.cpp implements it.
#pragma once
#include <stdint.h>

namespace tinygen::port {

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

}  // namespace tinygen::port
