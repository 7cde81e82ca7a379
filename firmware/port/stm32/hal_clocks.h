// The board's clock tree below ST's HAL, and the HAL told of it. Included behind the HAL's header.
#pragma once
#include "clock.h"

namespace tinygen::port {

// False when the HAL's tick does not start.
inline bool start_clocks_below_hal(Clocks& running) {
  running = start_clocks();
  SystemCoreClockUpdate();
  return HAL_InitTick(TICK_INT_PRIORITY) == HAL_OK;
}

}  // namespace tinygen::port
