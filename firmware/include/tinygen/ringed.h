// What a port answers whose received bytes are gathered in `tinygen_rx_ring`. One source of such a port includes it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/port.h"
#include "tinygen/ring.h"

extern "C" void tinygen_port_idle();

namespace tinygen::port {

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  return ring_take(tinygen_rx_ring, into, capacity);
}

void idle() {
  tinygen_port_idle();
}

std::uint32_t receive_overruns() {
  return tinygen_rx_ring.overruns;
}

}  // namespace tinygen::port
