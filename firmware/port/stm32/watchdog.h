// The independent watchdog: a counter on the chip's own slow oscillator, which nothing can stop once it runs.
#pragma once

namespace tinygen::port {

// Starts it where the board's facts say where it is.
void start_watchdog();

}  // namespace tinygen::port
