// Pins of the STM32F1, where a pin's mode says whose it is. Source: RM0008 rev 21 sections 7.3.7 (RCC_APB2ENR), 9.1.11
// (GPIO configuration of peripherals), 9.2 (CRL, CRH, ODR).
#include "board_config.h"
#include "pins.h"
#include "registers.h"

#if defined(TINYGEN_CHIP_STM32F1)

namespace tinygen::port {

void give_pin_to_serial(uint32_t port, uint32_t pin, Direction direction) {
  using namespace tinygen::board;
  constexpr uint32_t kGpioEnable = kRccBase + kRccGpioEnable;
  constexpr uint32_t kSending = 0x9;    // alternate function push-pull, 10 MHz
  constexpr uint32_t kReceiving = 0x8;  // input with pull-up or pull-down
  const uint32_t gpio = kGpioBase + 0x400 * port;
  set_bits(kGpioEnable, 1U << (port + 2));  // AFIO 0, port A 2
  read_back(kGpioEnable);
  set_bits(gpio + 0x0C, 1U << pin);  // pulled up, not down
  const uint32_t half = gpio + 4 * (pin / 8);
  change_field(half, 0xFU << (4 * (pin % 8)),
               (direction == Direction::send ? kSending : kReceiving) << (4 * (pin % 8)));
}

void make_output(uint32_t port, uint32_t pin) {
  set_bits(board::kRccBase + board::kRccGpioEnable, 1U << (port + 2));
  read_back(board::kRccBase + board::kRccGpioEnable);
  change_field(board::kGpioBase + 0x400 * port + 4 * (pin / 8), 0xFU << (4 * (pin % 8)), 2U << (4 * (pin % 8)));
}

void write_pin(uint32_t port, uint32_t pin, bool high) {
  reg(board::kGpioBase + 0x400 * port + 0x10) = 1U << (high ? pin : pin + 16);
}

}  // namespace tinygen::port

#endif
