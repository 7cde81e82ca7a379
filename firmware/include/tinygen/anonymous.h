// What a port answers that has no id, no LED and no clock to blink it by. One source of such a port includes it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/port.h"

namespace tinygen::port {

std::size_t unique_id(std::uint8_t*, std::size_t) {
  return 0;
}

void led(bool) {}

std::uint32_t beats() {
  return 0;
}

}  // namespace tinygen::port
