// What a port answers whose bytes go out one by one. One source of such a port includes it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/port.h"

// Sends one byte by a polled write to the data register. Not inlined: simulators may hook it.
extern "C" void tinygen_port_put(std::uint8_t byte);

namespace tinygen::port {

void write(const std::uint8_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    tinygen_port_put(from[i]);
  }
}

}  // namespace tinygen::port
