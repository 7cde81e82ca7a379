// The port's interface, put together from its parts.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "tinygen/port.h"

#include "cache.h"
#include "clock.h"
#include "counter.h"
#include "idle.h"
#include "registers.h"
#include "reset_cause.h"
#include "serial.h"
#include "tinygen/painted.h"
#include "tinygen/polled.h"
#include "watchdog.h"

namespace {

tinygen::port::Clocks clocks = {};

}  // namespace

namespace tinygen::port {

const Clocks& running_clocks() {
  return clocks;
}

Status init() {
  find_reset_cause();
  clocks = start_clocks();
  start_caches();
  start_counter();
  start_watchdog();
  if (!start_serial(clocks)) {
    return Status::serial_failed;
  }
  return clocks.as_planned ? Status::ok : Status::clock_failed;
}

void reset() {
  drain_serial();  // the answer to the request for a reset is still on its way
  restart_core();
}

}  // namespace tinygen::port

#endif
