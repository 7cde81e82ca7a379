// The serial line set up: where no framework does it.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "serial.h"

#include "pins.h"
#include "registers.h"
#include "serial_registers.h"
#include "tinygen/ring.h"

namespace tinygen::port {

bool start_serial(const Clocks& clocks) {
  using namespace usart;
  constexpr uint32_t kBusEnable = kRccBase + (kSerialBus == 1 ? kRccApb1Enable : kRccApb2Enable);
  const uint32_t bus_hz = kSerialBus == 1 ? clocks.apb1_hz : clocks.apb2_hz;
  const uint32_t divisor = (bus_hz + kSerialBaud / 2) / kSerialBaud;  // in 1/16 bit times: oversampling by 16
  if (divisor < 16 || divisor > 0xFFFF) {
    return false;
  }
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  give_pin_to_serial(kTxPort, kTxPin, Direction::send);
  give_pin_to_serial(kRxPort, kRxPin, Direction::receive);
  set_bits(kBusEnable, 1U << kSerialEnableBit);
  read_back(kBusEnable);
  reg(kBaudRate) = divisor;
  reg(kControl1) = kEnable | (1U << 5) | (1U << 3) | (1U << 2);
  reg(kNvicEnable + 4 * (TINYGEN_SERIAL_IRQ / 32)) = 1U << (TINYGEN_SERIAL_IRQ % 32);
  return true;
}

}  // namespace tinygen::port

#endif
