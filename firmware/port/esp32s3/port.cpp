// ESP32-S3 without the vendor's core, for simulators: UART0 polled, CCOUNT. Registers as in the ESP32-S3 Technical
// Reference Manual, chapter UART Controller. On a board the Arduino port is used; this one never sees silicon.
#if defined(TINYGEN_STANDIN)

#include "tinygen/port.h"

#include "board_config.h"
#include "tinygen/anonymous.h"
#include "tinygen/painted.h"
#include "tinygen/polled.h"
#include "tinygen/ring.h"
#include "tinygen/unwatched.h"  // the simulators model no watchdog and no flags of a reset

extern "C" {
__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};
}

namespace {

using namespace tinygen::board;

volatile uint32_t& reg(uint32_t address) {
  return *reinterpret_cast<volatile uint32_t*>(address);
}

constexpr uint32_t kFifo = kSerialBase + 0x00;
constexpr uint32_t kClockDivider = kSerialBase + 0x14;
constexpr uint32_t kStatus = kSerialBase + 0x1C;     // bytes received 9:0, bytes to send 25:16
constexpr uint32_t kResetOptions = kRtcControlBase;  // RTC_CNTL_OPTIONS0: system reset 31

constexpr uint32_t kFifoBytes = 128;
// A simulator paces the line by this divider; at 115200 baud it would spend its time waiting for characters.
constexpr uint32_t kSimulatorDivider = 2;
constexpr uint32_t kDrainPolls = 1000000;

void gather() {
  while ((reg(kStatus) & 0x3FF) != 0 && tinygen::port::ring_space(tinygen_rx_ring) != 0) {
    tinygen::port::ring_put(tinygen_rx_ring, static_cast<uint8_t>(reg(kFifo)));
  }
}

}  // namespace

extern "C" {

// Simulators that cannot feed the UART fill the ring here.
__attribute__((noinline, used)) void tinygen_port_idle() {
  __asm__ volatile("" ::: "memory");
  gather();
}

__attribute__((noinline, used)) void tinygen_port_put(uint8_t byte) {
  while (((reg(kStatus) >> 16) & 0x3FF) >= kFifoBytes - 2) {
  }
  reg(kFifo) = byte;
}

}  // extern "C"

namespace tinygen::port {

Status init() {
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  reg(kClockDivider) = kSimulatorDivider;
  return Status::ok;
}

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  gather();
  return ring_take(tinygen_rx_ring, into, capacity);
}

void idle() {
  tinygen_port_idle();
}

std::uint32_t receive_overruns() {
  return tinygen_rx_ring.overruns;
}

void stay_awake(bool) {}  // idle() does not sleep here

std::uint32_t counter() {
  uint32_t cycles;
  __asm__ volatile("rsr %0, ccount" : "=a"(cycles));
  return cycles;
}

CounterKind counter_kind() {
  return CounterKind::ccount;
}

void reset() {
  for (uint32_t polls = 0; ((reg(kStatus) >> 16) & 0x3FF) != 0 && polls < kDrainPolls; ++polls) {
  }
  reg(kResetOptions) = reg(kResetOptions) | (1U << 31);
  for (;;) {
    __asm__ volatile("nop");
  }
}

}  // namespace tinygen::port

#endif
