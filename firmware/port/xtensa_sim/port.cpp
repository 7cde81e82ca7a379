// QEMU's Xtensa `sim` machine: the protocol on standard input and output by SIMCALL. The rest of the image is the very
// object code of the esp32s3 stand-in build; only the port differs.
// Source: QEMU 7.2, target/xtensa/xtensa-semi.c (call numbers); seen to work there.
#include "tinygen/port.h"

#include "tinygen/anonymous.h"
#include "tinygen/painted.h"
#include "tinygen/ringed.h"
#include "tinygen/unwatched.h"  // the simulators model no watchdog and no flags of a reset

extern "C" {

__attribute__((used)) TinygenRxRing tinygen_rx_ring = {};

int32_t tinygen_simcall(int32_t number, int32_t a, int32_t b, int32_t c);

extern uint32_t tinygen_vectors[];
extern uint32_t _bss_start[];
extern uint32_t _bss_end[];

using Function = void (*)();
extern Function __ctors_start[];
extern Function __ctors_end[];

int main();

}  // extern "C"

namespace {

constexpr int32_t kExit = 1;
constexpr int32_t kRead = 3;
constexpr int32_t kWrite = 4;

int32_t address_of(const volatile void* place) {
  return static_cast<int32_t>(reinterpret_cast<uintptr_t>(place));
}

[[noreturn]] void leave(int32_t code) {
  for (;;) {
    tinygen_simcall(kExit, code, 0, 0);
  }
}

}  // namespace

extern "C" {

// Waits for input; the end of input ends the machine.
__attribute__((noinline, used)) void tinygen_port_idle() {
  using namespace tinygen::port;
  uint8_t received[256];
  uint32_t room = ring_space(tinygen_rx_ring);
  room = room < sizeof(received) ? room : static_cast<uint32_t>(sizeof(received));
  if (room == 0) {
    return;  // a read of nothing would look like the end
  }
  const int32_t count = tinygen_simcall(kRead, 0, address_of(received), static_cast<int32_t>(room));
  if (count == 0) {
    leave(0);
  }
  for (int32_t i = 0; i < count; ++i) {
    ring_put(tinygen_rx_ring, received[i]);
  }
}

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
  leave(0);
}

}  // extern "C"

namespace tinygen::port {

Status init() {
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  return Status::ok;
}

void write(const std::uint8_t* from, std::size_t count) {
  while (count > 0) {
    const int32_t sent = tinygen_simcall(kWrite, 1, address_of(from), static_cast<int32_t>(count));
    if (sent <= 0) {
      leave(1);  // nobody listens any more
    }
    from += sent;
    count -= static_cast<std::size_t>(sent);
  }
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
  leave(0);
}

}  // namespace tinygen::port
