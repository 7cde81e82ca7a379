// What a port answers that has no watchdog, no flags of a reset and keeps no fault. One source of such a port includes
// it.
#pragma once
#include <cstdint>

#include "tinygen/port.h"

namespace tinygen::port {

ResetCause reset_cause() {
  return ResetCause::unknown;
}

const TinygenFault* last_fault() {
  return nullptr;
}

void feed() {}

std::uint32_t watchdog_ms() {
  return 0;
}

void expect_long_run(bool) {}

}  // namespace tinygen::port
