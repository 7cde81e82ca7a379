// A pin given to the serial line: pins.cpp for GPIO with alternate function numbers, pins_f1.cpp for the first STM32s.
#pragma once
#include <stdint.h>

namespace tinygen::port {

enum class Direction { send, receive };

// Switches the port's clock on and hands the pin over. A receiving pin is pulled up: an open line is idle, not a break.
void give_pin_to_serial(uint32_t port, uint32_t pin, Direction direction);

// A line that both ends may pull down (I2C), with the chip's own weak pull-up beside the board's.
void open_drain(uint32_t port, uint32_t pin, uint32_t alternate);

// A pin of a clocked peripheral, driven by it or read by it.
void give_pin(uint32_t port, uint32_t pin, uint32_t alternate);

// A voltage to be measured.
void analog(uint32_t port, uint32_t pin);

// A pin that drives something, and its level. Switches the port's clock on.
void make_output(uint32_t port, uint32_t pin);
void write_pin(uint32_t port, uint32_t pin, bool high);

}  // namespace tinygen::port
