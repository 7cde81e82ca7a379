// ST's USART in its two generations: SR and DR (STM32F1, F4), or ISR, ICR, RDR and TDR (all later ones). The flags used
// here stand at the same bits in both.
// Source: RM0090 rev 19 section 30.6, RM0008 rev 21 section 27.6; RM0385 section 31.8, RM0351 section 40.8, RM0440
// section 37.8, RM0433 section 48.8, RM0481 section 50.8.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "serial.h"

#include "pins.h"
#include "registers.h"
#include "tinygen/ring.h"

extern "C" {
__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};
}

namespace tinygen::port {
namespace {

using namespace tinygen::board;

#if defined(TINYGEN_CHIP_STM32F1) || defined(TINYGEN_CHIP_STM32F4)
constexpr bool kFirstGeneration = true;
#else
constexpr bool kFirstGeneration = false;
#endif

constexpr uint32_t kBusEnable = kRccBase + (kSerialBus == 1 ? kRccApb1Enable : kRccApb2Enable);
// Overrun 3, received 5, transmission complete 6, transmit register empty 7.
constexpr uint32_t kStatus = kSerialBase + (kFirstGeneration ? 0x00 : 0x1C);
constexpr uint32_t kClear = kSerialBase + 0x20;  // second generation only
constexpr uint32_t kReceive = kSerialBase + (kFirstGeneration ? 0x04 : 0x24);
constexpr uint32_t kTransmit = kSerialBase + (kFirstGeneration ? 0x04 : 0x28);
constexpr uint32_t kBaudRate = kSerialBase + (kFirstGeneration ? 0x08 : 0x0C);
// Receive 2, transmit 3, receive interrupt 5, and the whole USART.
constexpr uint32_t kControl1 = kSerialBase + (kFirstGeneration ? 0x0C : 0x00);
constexpr uint32_t kEnable = kFirstGeneration ? 1U << 13 : 1U << 0;
constexpr uint32_t kOverrun = 1U << 3;
constexpr uint32_t kReceived = 1U << 5;
constexpr uint32_t kTransmitComplete = 1U << 6;
constexpr uint32_t kTransmitEmpty = 1U << 7;
constexpr uint32_t kTransmitPolls = 1000000;  // many characters' time at any clock and rate in use

}  // namespace

bool start_serial(const Clocks& clocks) {
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

void drain_serial() {
  (void)wait_for(kStatus, kTransmitComplete, kTransmitComplete, kTransmitPolls);
}

}  // namespace tinygen::port

extern "C" {

__attribute__((noinline, used)) void tinygen_port_put(uint8_t byte) {
  using namespace tinygen::port;
  (void)wait_for(kStatus, kTransmitEmpty, kTransmitEmpty, kTransmitPolls);
  reg(kTransmit) = byte;
}

__attribute__((used)) void tinygen_serial_interrupt() {
  using namespace tinygen::port;
  const uint32_t status = reg(kStatus);
  if ((status & (kReceived | kOverrun)) == 0) {
    return;
  }
  const auto byte = static_cast<uint8_t>(reg(kReceive));  // in the first generation this clears both flags
  if ((status & kOverrun) != 0) {
    if (!kFirstGeneration) {
      reg(kClear) = kOverrun;
    }
    tinygen_rx_ring.overruns = tinygen_rx_ring.overruns + 1;
  }
  if ((status & kReceived) != 0) {
    ring_put(tinygen_rx_ring, byte);
  }
}

}  // extern "C"

#endif
