// Sleeps until an interrupt, unless a byte has come meanwhile. Not inlined: simulators without interrupts fill the ring
// when the program gets here. One source of a port with the ring includes it.
#pragma once
#include "registers.h"
#include "tinygen/ringed.h"

namespace {

bool awake = false;

}  // namespace

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

void stay_awake(bool wanted) {
  awake = wanted;
}

}  // namespace tinygen::port
