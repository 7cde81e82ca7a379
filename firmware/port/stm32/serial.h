// The UART that carries the protocol.
#pragma once
#include <stdint.h>

#include "clock.h"

// Sends one byte by a polled write to the data register. Not inlined: simulators may hook it.
extern "C" void tinygen_port_put(uint8_t byte);

// Takes a received byte into the ring.
extern "C" void tinygen_serial_interrupt();

namespace tinygen::port {

// Pins, baud rate for the clocks that run, receive interrupt. False when the rate cannot be made.
bool start_serial(const Clocks& clocks);

// Waits, for a bounded time, until the last byte has left the line.
void drain_serial();

}  // namespace tinygen::port
