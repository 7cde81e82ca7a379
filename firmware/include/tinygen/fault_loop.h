// Where a faulted program stops. One source of a port that has exceptions includes it.
#pragma once
#include "tinygen/fault.h"

extern "C" __attribute__((noinline, used)) void tinygen_fault_loop() {
  for (;;) {
    __asm__ volatile("nop");
  }
}
