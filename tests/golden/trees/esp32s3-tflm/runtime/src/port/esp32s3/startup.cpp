// From the first stack to main(): zeroed data, constructors. The loader has put code and data in place.
#if defined(TINYGEN_STANDIN)

#include <stdint.h>

#include "tinygen/port.h"
#include "tinygen/stack.h"

extern "C" {

extern uint32_t tinygen_vectors[];
extern uint32_t _bss_start[];
extern uint32_t _bss_end[];

using Function = void (*)();
extern Function __ctors_start[];
extern Function __ctors_end[];

int main();

[[noreturn]] __attribute__((used)) void tinygen_start() {
  uint32_t* frame;
  __asm__ volatile("mov %0, a1" : "=r"(frame));
  tinygen::port::paint_stack(frame);
  // Out of the state after reset, in which every exception counts as a second one: PS.EXCM off, interrupts masked.
  __asm__ volatile("wsr.vecbase %0\n wsr.ps %1\n rsync" : : "a"(tinygen_vectors), "a"(0x2FU));
  for (volatile uint32_t* word = _bss_start; word < _bss_end; ++word) {
    *word = 0;
  }
  for (Function* constructor = __ctors_end; constructor != __ctors_start;) {
    --constructor;
    (*constructor)();
  }
  main();
  tinygen::port::reset();
}

}  // extern "C"

#endif
