// Pins with alternate function numbers: every STM32 but the F1. Source: RM0090 rev 19 section 8.4; the same registers
// in RM0385, RM0351, RM0440, RM0433 and RM0481.
#include "pins.h"

#include "board_config.h"
#include "registers.h"

#if !defined(TINYGEN_CHIP_STM32F1)

namespace tinygen::port {

namespace {

using namespace tinygen::board;

uint32_t clocked(uint32_t port) {
  constexpr uint32_t kGpioEnable = kRccBase + kRccGpioEnable;  // one bit per port
  set_bits(kGpioEnable, 1U << port);
  read_back(kGpioEnable);
  return kGpioBase + 0x400 * port;
}

void give(uint32_t gpio, uint32_t pin, uint32_t alternate, uint32_t pull) {
  change_field(gpio + 0x0C, 3U << (2 * pin), pull << (2 * pin));
  change_field(gpio + 0x08, 3U << (2 * pin), 1U << (2 * pin));  // medium speed
  const uint32_t half = gpio + 0x20 + 4 * (pin / 8);
  change_field(half, 0xFU << (4 * (pin % 8)), alternate << (4 * (pin % 8)));
  change_field(gpio + 0x00, 3U << (2 * pin), 2U << (2 * pin));  // alternate function
}

constexpr uint32_t kFloating = 0;
constexpr uint32_t kPulledUp = 1;

}  // namespace

void give_pin_to_serial(uint32_t port, uint32_t pin, Direction) {
  give(clocked(port), pin, kSerialAlternate, kPulledUp);
}

void give_pin(uint32_t port, uint32_t pin, uint32_t alternate) {
  give(clocked(port), pin, alternate, kFloating);
}

void open_drain(uint32_t port, uint32_t pin, uint32_t alternate) {
  const uint32_t gpio = clocked(port);
  set_bits(gpio + 0x04, 1U << pin);
  give(gpio, pin, alternate, kPulledUp);
}

void analog(uint32_t port, uint32_t pin) {
  const uint32_t gpio = clocked(port);
  change_field(gpio + 0x0C, 3U << (2 * pin), kFloating << (2 * pin));
  change_field(gpio + 0x00, 3U << (2 * pin), 3U << (2 * pin));
}

void make_output(uint32_t port, uint32_t pin) {
  set_bits(board::kRccBase + board::kRccGpioEnable, 1U << port);
  read_back(board::kRccBase + board::kRccGpioEnable);
  change_field(board::kGpioBase + 0x400 * port, 3U << (2 * pin), 1U << (2 * pin));
}

void write_pin(uint32_t port, uint32_t pin, bool high) {
  reg(board::kGpioBase + 0x400 * port + 0x18) = 1U << (high ? pin : pin + 16);
}

}  // namespace tinygen::port

#endif
