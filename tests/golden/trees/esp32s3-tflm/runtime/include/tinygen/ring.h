// The receive ring between a serial interrupt (or a simulator's hook) and port::read().
//
// `head` and `tail` count bytes for ever and wrap at 2^32; a byte's place is its count modulo `capacity`, a power of
// two. The writer alone moves `head`, the reader alone moves `tail`, so neither needs a lock on one core. The layout is
// fixed (four words of 32 bits, then the bytes): simulators without interrupts fill the ring by its symbol
// `tinygen_rx_ring` when the program reaches `tinygen_port_idle`.
#pragma once
#include <stddef.h>
#include <stdint.h>

#ifndef TINYGEN_RX_RING_BYTES
#define TINYGEN_RX_RING_BYTES 1024
#endif

static_assert((TINYGEN_RX_RING_BYTES & (TINYGEN_RX_RING_BYTES - 1)) == 0, "the ring's capacity is a power of two");

struct TinygenRxRing {
  volatile uint32_t head;      // bytes ever put in
  volatile uint32_t tail;      // bytes ever taken out
  uint32_t capacity;           // TINYGEN_RX_RING_BYTES once the port has started; 0 before
  volatile uint32_t overruns;  // bytes dropped because the ring was full, or lost before they got here
  volatile uint8_t bytes[TINYGEN_RX_RING_BYTES];
};

extern "C" TinygenRxRing tinygen_rx_ring;  // defined by the port

namespace tinygen::port {

// For the writer: puts one byte in, or counts it as lost.
inline void ring_put(TinygenRxRing& ring, uint8_t byte) {
  const uint32_t head = ring.head;
  if (head - ring.tail >= TINYGEN_RX_RING_BYTES) {
    ring.overruns = ring.overruns + 1;
    return;
  }
  ring.bytes[head % TINYGEN_RX_RING_BYTES] = byte;
  ring.head = head + 1;
}

// For the writer: how many bytes fit.
inline uint32_t ring_space(const TinygenRxRing& ring) {
  return TINYGEN_RX_RING_BYTES - (ring.head - ring.tail);
}

// For the reader: takes up to `capacity` bytes out.
inline size_t ring_take(TinygenRxRing& ring, uint8_t* into, size_t capacity) {
  uint32_t tail = ring.tail;
  const uint32_t head = ring.head;
  size_t count = 0;
  while (count < capacity && tail != head) {
    into[count] = ring.bytes[tail % TINYGEN_RX_RING_BYTES];
    ++count;
    ++tail;
  }
  ring.tail = tail;
  return count;
}

}  // namespace tinygen::port
