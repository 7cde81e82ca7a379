// The port's interface, put together from its parts.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "tinygen/port.h"

#include "cache.h"
#include "clock.h"
#include "counter.h"
#include "registers.h"
#include "reset_cause.h"
#include "serial.h"
#include "tinygen/ring.h"
#include "tinygen/stack.h"
#include "watchdog.h"

namespace {

bool awake = false;
tinygen::port::Clocks clocks = {};

}  // namespace

// Sleeps until an interrupt, unless a byte has come meanwhile. Not inlined: simulators without interrupts fill the ring
// when the program gets here.
extern "C" __attribute__((noinline, used)) void tinygen_port_idle() {
  using namespace tinygen::port;
  disable_interrupts();  // a byte between the look and the wait stays pending, and pending interrupts end the wait
  if (tinygen_rx_ring.head == tinygen_rx_ring.tail && !awake) {
    data_barrier();
    __asm__ volatile("wfi" ::: "memory");
  }
  enable_interrupts();
}

namespace tinygen::port {

const Clocks& running_clocks() {
  return clocks;
}

Status init() {
  find_reset_cause();
  clocks = start_clocks();
  start_caches();
  start_counter();
  start_watchdog();
  if (!start_serial(clocks)) {
    return Status::serial_failed;
  }
  return clocks.as_planned ? Status::ok : Status::clock_failed;
}

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  return ring_take(tinygen_rx_ring, into, capacity);
}

void write(const std::uint8_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    tinygen_port_put(from[i]);
  }
}

void idle() {
  tinygen_port_idle();
}

void stay_awake(bool wanted) {
  awake = wanted;
}

std::uint32_t stack_bytes() {
  return stack_size();
}

std::uint32_t stack_used_bytes() {
  return stack_high_water();
}

std::uint32_t receive_overruns() {
  return tinygen_rx_ring.overruns;
}

void reset() {
  drain_serial();  // the answer to the request for a reset is still on its way
  data_barrier();
  reg(kAircr) = 0x05FA0004;
  data_barrier();
  for (;;) {
    __asm__ volatile("nop");
  }
}

}  // namespace tinygen::port

#endif
