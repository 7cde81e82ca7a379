// The counter behind port::counter(): DWT cycles where they count, SysTick otherwise.
#pragma once
#include <stdint.h>

#include "tinygen/port.h"

// SysTick wrapped: 2^24 counts have passed.
extern "C" void tinygen_systick_interrupt();

namespace tinygen::port {

// Looks which counter counts and starts it.
void start_counter();

}  // namespace tinygen::port
