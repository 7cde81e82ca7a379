// A pin given to the serial line: pins.cpp for GPIO with alternate function numbers, pins_f1.cpp for the first STM32s.
#pragma once
#include <stdint.h>

namespace tinygen::port {

enum class Direction { send, receive };

// Switches the port's clock on and hands the pin over. A receiving pin is pulled up: an open line is idle, not a break.
void give_pin_to_serial(uint32_t port, uint32_t pin, Direction direction);

// A pin that drives something, and its level. Switches the port's clock on.
void make_output(uint32_t port, uint32_t pin);
void write_pin(uint32_t port, uint32_t pin, bool high);

}  // namespace tinygen::port
