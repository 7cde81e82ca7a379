// The serial line at work, whoever has set it up: bytes out by polling; bytes in by its interrupt, into the ring. Under
// Arduino the core has the interrupt, and only a fault's report goes out this way.
#include "registers.h"
#include "serial.h"
#include "serial_registers.h"
#include "tinygen/ring.h"

extern "C" __attribute__((noinline, used)) void tinygen_port_put(uint8_t byte) {
  using namespace tinygen::port;
  (void)wait_for(usart::kStatus, usart::kTransmitEmpty, usart::kTransmitEmpty, usart::kTransmitPolls);
  reg(usart::kTransmit) = byte;
}

namespace tinygen::port {

void drain_serial() {
  (void)wait_for(usart::kStatus, usart::kTransmitComplete, usart::kTransmitComplete, usart::kTransmitPolls);
}

}  // namespace tinygen::port

#if !defined(ARDUINO)

extern "C" {

__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};

__attribute__((used)) void tinygen_serial_interrupt() {
  using namespace tinygen::port;
  const uint32_t status = reg(usart::kStatus);
  if ((status & (usart::kReceived | usart::kOverrun)) == 0) {
    return;
  }
  const auto byte = static_cast<uint8_t>(reg(usart::kReceive));  // in the first generation this clears both flags
  if ((status & usart::kOverrun) != 0) {
    if (!usart::kFirstGeneration) {
      reg(usart::kClear) = usart::kOverrun;
    }
    tinygen_rx_ring.overruns = tinygen_rx_ring.overruns + 1;
  }
  if ((status & usart::kReceived) != 0) {
    ring_put(tinygen_rx_ring, byte);
  }
}

}  // extern "C"

#endif
