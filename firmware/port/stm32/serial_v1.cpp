// The first generation of ST's USART (SR, DR, BRR, CR1) and GPIO with alternate function numbers: STM32F4.
// Source: RM0090 sections 8.4 (GPIO), 30.6 (USART).
#include "board_config.h"
#include "registers.h"
#include "serial.h"
#include "tinygen/ring.h"

#if defined(TINYGEN_CHIP_STM32F4)

extern "C" {
__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};
}

namespace tinygen::port {
namespace {

using namespace tinygen::board;

constexpr uint32_t kRccAhb1Enable = kRccBase + 0x30;                            // one bit per GPIO port
constexpr uint32_t kRccBusEnable = kRccBase + (kSerialBus == 1 ? 0x40 : 0x44);  // APB1 or APB2
constexpr uint32_t kStatus =
    kSerialBase + 0x00;  // overrun 3, received 5, transmission complete 6, transmit register empty 7
constexpr uint32_t kData = kSerialBase + 0x04;
constexpr uint32_t kBaudRate = kSerialBase + 0x08;
constexpr uint32_t kControl1 = kSerialBase + 0x0C;  // receive 2, transmit 3, receive interrupt 5, enable 13
constexpr uint32_t kOverrun = 1U << 3;
constexpr uint32_t kReceived = 1U << 5;
constexpr uint32_t kTransmitComplete = 1U << 6;
constexpr uint32_t kTransmitEmpty = 1U << 7;
constexpr uint32_t kTransmitPolls = 1000000;  // many characters' time at any clock and rate in use

void give_pin_to_serial(uint32_t port, uint32_t pin) {
  const uint32_t gpio = kGpioBase + 0x400 * port;
  set_bits(kRccAhb1Enable, 1U << port);
  read_back(kRccAhb1Enable);
  change_field(gpio + 0x0C, 3U << (2 * pin), 1U << (2 * pin));  // pull-up: an open line is idle, not a break
  change_field(gpio + 0x08, 3U << (2 * pin), 1U << (2 * pin));  // medium speed
  const uint32_t half = gpio + 0x20 + 4 * (pin / 8);
  change_field(half, 0xFU << (4 * (pin % 8)), kSerialAlternate << (4 * (pin % 8)));
  change_field(gpio + 0x00, 3U << (2 * pin), 2U << (2 * pin));  // alternate function
}

}  // namespace

bool start_serial(const Clocks& clocks) {
  const uint32_t bus_hz = kSerialBus == 1 ? clocks.apb1_hz : clocks.apb2_hz;
  const uint32_t divisor = (bus_hz + kSerialBaud / 2) / kSerialBaud;  // in 1/16 bit times: oversampling by 16
  if (divisor < 16 || divisor > 0xFFFF) {
    return false;
  }
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  give_pin_to_serial(kTxPort, kTxPin);
  give_pin_to_serial(kRxPort, kRxPin);
  set_bits(kRccBusEnable, 1U << kSerialEnableBit);
  read_back(kRccBusEnable);
  reg(kBaudRate) = divisor;
  reg(kControl1) = (1U << 13) | (1U << 5) | (1U << 3) | (1U << 2);
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
  reg(kData) = byte;
}

__attribute__((used)) void tinygen_serial_interrupt() {
  using namespace tinygen::port;
  const uint32_t status = reg(kStatus);
  if ((status & (kReceived | kOverrun)) == 0) {
    return;
  }
  const auto byte = static_cast<uint8_t>(reg(kData));  // reading status, then data, clears both flags
  if ((status & kOverrun) != 0) {
    tinygen_rx_ring.overruns = tinygen_rx_ring.overruns + 1;
  }
  if ((status & kReceived) != 0) {
    ring_put(tinygen_rx_ring, byte);
  }
}

}  // extern "C"

#endif
