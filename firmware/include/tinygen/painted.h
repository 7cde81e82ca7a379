// What a port answers whose stack was painted. One source of such a port includes it.
#pragma once
#include <cstdint>

#include "tinygen/port.h"
#include "tinygen/stack.h"

namespace tinygen::port {

std::uint32_t stack_bytes() {
  return stack_size();
}

std::uint32_t stack_used_bytes() {
  return stack_high_water();
}

}  // namespace tinygen::port
