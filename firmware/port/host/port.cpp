// The developer's own machine: the protocol on standard input and output, a monotonic clock as the counter.
#include "tinygen/port.h"

#include <errno.h>
#include <stdlib.h>

#include <chrono>

#include "tinygen/anonymous.h"
#include "tinygen/ringed.h"
#include "tinygen/undigested.h"
#include "tinygen/unwatched.h"

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#else
#include <unistd.h>
#endif

extern "C" {
TinygenRxRing tinygen_rx_ring = {};
}

namespace {

constexpr int kInput = 0;
constexpr int kOutput = 1;

#if defined(_WIN32)
void make_binary() {
  _setmode(kInput, _O_BINARY);
  _setmode(kOutput, _O_BINARY);
}
int read_some(uint8_t* into, uint32_t capacity) {
  return _read(kInput, into, capacity);
}
int write_some(const uint8_t* from, size_t count) {
  return _write(kOutput, from, static_cast<unsigned>(count < 4096 ? count : 4096));
}
#else
void make_binary() {}
int read_some(uint8_t* into, uint32_t capacity) {
  return static_cast<int>(::read(kInput, into, capacity));
}
int write_some(const uint8_t* from, size_t count) {
  return static_cast<int>(::write(kOutput, from, count < 4096 ? count : 4096));
}
#endif

}  // namespace

// Waits for input; its end, when the other side has gone, ends the program.
extern "C" void tinygen_port_idle() {
  uint8_t received[TINYGEN_RX_RING_BYTES];
  const uint32_t room = tinygen::port::ring_space(tinygen_rx_ring);
  if (room == 0) {
    return;
  }
  const int count = read_some(received, room);
  if (count == 0 || (count < 0 && errno != EINTR)) {
    exit(0);
  }
  for (int i = 0; i < count; ++i) {
    tinygen::port::ring_put(tinygen_rx_ring, received[i]);
  }
}

namespace tinygen::port {

Status init() {
  make_binary();
  tinygen_rx_ring.capacity = TINYGEN_RX_RING_BYTES;
  return Status::ok;
}

void write(const std::uint8_t* from, std::size_t count) {
  while (count > 0) {
    const int sent = write_some(from, count);
    if (sent < 0 && errno == EINTR) {
      continue;
    }
    if (sent <= 0) {
      exit(0);  // nobody listens any more
    }
    from += sent;
    count -= static_cast<std::size_t>(sent);
  }
}

void stay_awake(bool) {}  // no sensor ever fills a ring here

std::uint32_t counter() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

CounterKind counter_kind() {
  return CounterKind::host_ns;
}

std::uint32_t stack_bytes() {
  return 0;
}

std::uint32_t stack_used_bytes() {
  return 0;
}

void reset() {
  exit(0);
}

}  // namespace tinygen::port
