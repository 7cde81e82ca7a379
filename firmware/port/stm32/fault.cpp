// A fault is written down where the next start finds it, told to the host, and ends in a loop where a debugger finds it
// and the watchdog restarts the chip.
// Under a framework the handlers replace the start-up file's, which are weak; tools/hosted.ld gives the linker the
// stack's limits, and what its script does not know of comes behind all it does.
// Source: ARMv7-M Architecture Reference Manual, B1.5.6 (exception entry frame), B3.2.15 (CFSR).
#include "board_config.h"
#include "tinygen/fault_loop.h"

#include "registers.h"
#include "tinygen/stack.h"

extern "C" {
// Survives a reset: no start-up code clears it.
__attribute__((section(".noinit.tinygen_fault"), used)) TinygenFault tinygen_fault;
void tinygen_fault_entry();
void tinygen_unexpected_interrupt();
}

namespace {

using namespace tinygen::port;

bool in_stack(const uint32_t* frame) {
  return frame >= _stack_limit && frame + 8 <= _stack_top;
}

}  // namespace

extern "C" {

__attribute__((used)) void tinygen_fault_report(const uint32_t* frame) {
  uint32_t exception = 0;
  __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
  const bool readable = in_stack(frame);  // after a stack overflow there is no frame to read
  tinygen_fault.architecture = kTinygenFaultCortexM;
  tinygen_fault.number = exception;
  tinygen_fault.pc = readable ? frame[6] : 0;
  tinygen_fault.lr = readable ? frame[5] : 0;
  tinygen_fault.sp = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(frame));
  tinygen_fault.status[0] = reg(kCfsr);
  tinygen_fault.status[1] = reg(kHfsr);
  tinygen_fault.status[2] = reg(kMmfar);
  tinygen_fault.status[3] = reg(kBfar);
  tinygen_fault.magic = kTinygenFaultMagic;
  if (tinygen_report_fault != nullptr) {
    tinygen_report_fault(&tinygen_fault);
  }
  tinygen_fault_loop();
}

// Takes the frame's address; then goes on below it where there is room, otherwise on a fresh stack: the old one may be
// what faulted.
__attribute__((naked, used)) void tinygen_fault_entry() {
  __asm__ volatile(
      "mrs r0, msp\n"
      "ldr r1, =_stack_limit\n"
      "add r1, r1, #1024\n"
      "cmp r0, r1\n"
      "bhi 1f\n"
      "ldr r1, =_stack_top\n"
      "mov sp, r1\n"
      "1: b tinygen_fault_report\n");
}

#if TINYGEN_BARE_METAL

__attribute__((naked, used)) void tinygen_unexpected_interrupt() {
  __asm__ volatile("b tinygen_fault_entry\n");
}

#else

// The same place under ST's names.
__asm__(
    ".global HardFault_Handler, MemManage_Handler, BusFault_Handler, UsageFault_Handler\n"
    ".thumb_set HardFault_Handler, tinygen_fault_entry\n"
    ".thumb_set MemManage_Handler, tinygen_fault_entry\n"
    ".thumb_set BusFault_Handler, tinygen_fault_entry\n"
    ".thumb_set UsageFault_Handler, tinygen_fault_entry\n");

#endif

}  // extern "C"
