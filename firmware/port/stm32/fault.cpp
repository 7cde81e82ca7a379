// A fault is told as one line of text over the serial line; then the program stops where a debugger finds it.
// Source: ARMv7-M Architecture Reference Manual, B1.5.6 (exception entry frame), B3.2.15 (CFSR).
#include "fault.h"

#include "registers.h"
#include "serial.h"
#include "tinygen/stack.h"

extern "C" {
TinygenFault tinygen_fault = {};
void tinygen_fault_entry();
void tinygen_unexpected_interrupt();
}

namespace {

using namespace tinygen::port;

void put_text(const char* text) {
  for (; *text != '\0'; ++text) {
    tinygen_port_put(static_cast<uint8_t>(*text));
  }
}

void put_hex(const char* name, uint32_t value) {
  put_text(name);
  for (int shift = 28; shift >= 0; shift -= 4) {
    tinygen_port_put(static_cast<uint8_t>("0123456789abcdef"[(value >> shift) & 15U]));
  }
}

bool in_stack(const uint32_t* frame) {
  return frame >= _stack_limit && frame + 8 <= _stack_top;
}

}  // namespace

extern "C" {

__attribute__((noinline, used)) void tinygen_fault_loop() {
  for (;;) {
    __asm__ volatile("nop");
  }
}

__attribute__((used)) void tinygen_fault_report(const uint32_t* frame) {
  uint32_t exception = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  const uint32_t cfsr = reg(kCfsr);
  tinygen_fault.exception = exception;
  tinygen_fault.cfsr = cfsr;
  tinygen_fault.hfsr = reg(kHfsr);
  if ((cfsr & (1U << 7)) != 0) {
    tinygen_fault.address = reg(kMmfar);
  } else if ((cfsr & (1U << 15)) != 0) {
    tinygen_fault.address = reg(kBfar);
  }
  if (in_stack(frame)) {  // after a stack overflow there is no frame to read
    tinygen_fault.lr = frame[5];
    tinygen_fault.pc = frame[6];
  }
  tinygen_port_put(0);  // ends whatever frame was being sent
  put_hex("FAULT exception=", tinygen_fault.exception);
  put_hex(" pc=", tinygen_fault.pc);
  put_hex(" lr=", tinygen_fault.lr);
  put_hex(" cfsr=", tinygen_fault.cfsr);
  put_hex(" hfsr=", tinygen_fault.hfsr);
  put_hex(" address=", tinygen_fault.address);
  put_text("\r\n");
  tinygen_port_put(0);
  tinygen_fault_loop();
}

// Takes the frame's address, then a fresh stack: the old one may be what faulted.
__attribute__((naked, used)) void tinygen_fault_entry() {
  __asm__ volatile(
      "mrs r0, msp\n"
      "ldr r1, =_stack_top\n"
      "mov sp, r1\n"
      "b tinygen_fault_report\n");
}

__attribute__((naked, used)) void tinygen_unexpected_interrupt() {
  __asm__ volatile("b tinygen_fault_entry\n");
}

}  // extern "C"
