// A port on standard input and output around test_protocol_engine.cpp, to make a whole program of it.
#include <poll.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "tinygen/app.h"
#include "tinygen/build_info.h"
#include "tinygen/fault.h"
#include "tinygen/port.h"
#include "tinygen/protocol/crc32.h"

#ifndef BAD_DIGEST
#define BAD_DIGEST 0
#endif

namespace fuzzed {
[[noreturn]] void reset();
}

namespace tinygen {

extern std::uint32_t fake_runs;
std::uint32_t feeds = 0;
const std::uint32_t words[13] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};

const BuildInfo kBuildInfo = {
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF},
    "fake",
    "nothing",
    "stub"};
namespace {
const std::int8_t kZeros[40] = {};
const std::int8_t kWrong[4] = {1, 2, 3, 4};
}  // namespace
const SelfTestVector kSelfTestVectors[] = {{kZeros, kWrong}};
const std::uint16_t kSelfTestCount = 1;

namespace port {
namespace {
[[maybe_unused]] bool awake = false;
}
Status init() {
  return Status::ok;
}
#if defined(FUZZED)  // test_protocol_fuzz.cpp brings the bytes
void write(const std::uint8_t*, std::size_t) {}
void reset() {
  fuzzed::reset();
}
#elif defined(LOCKSTEP)
// One exchange at a time, so that a test needs no clock: u32 count and bytes come in; when the program has taken them
// all and waits for more, u32 count and all it has sent meanwhile go out (count with the highest bit set: it ends now).
namespace {
std::uint8_t incoming[1 << 16];
std::uint8_t outgoing[1 << 20];
std::uint32_t incoming_count = 0, incoming_taken = 0, outgoing_count = 0;

void transfer(bool in, void* data, std::size_t count) {
  auto* bytes = static_cast<std::uint8_t*>(data);
  while (count > 0) {
    const ssize_t done = in ? ::read(STDIN_FILENO, bytes, count) : ::write(STDOUT_FILENO, bytes, count);
    if (done <= 0) std::exit(0);
    bytes += done;
    count -= static_cast<std::size_t>(done);
  }
}
void deliver(bool last = false) {
  std::uint32_t head = outgoing_count | (last ? 0x80000000u : 0u);
  transfer(false, &head, sizeof head);
  transfer(false, outgoing, outgoing_count);
  outgoing_count = 0;
}
}  // namespace

std::size_t read(std::uint8_t* into, std::size_t capacity) {
  if (incoming_taken == incoming_count) {
    deliver();
    incoming_taken = 0;
    transfer(true, &incoming_count, sizeof incoming_count);
    if (incoming_count > sizeof incoming) std::abort();
    transfer(true, incoming, incoming_count);
  }
  std::size_t count = 0;
  while (count < capacity && incoming_taken < incoming_count) into[count++] = incoming[incoming_taken++];
  return count;
}
void write(const std::uint8_t* from, std::size_t count) {
  if (count > sizeof outgoing - outgoing_count) std::abort();
  for (std::size_t i = 0; i < count; ++i) outgoing[outgoing_count++] = from[i];
}
void idle() {}
void reset() {
  deliver(true);
  std::exit(0);
}
#else
std::size_t read(std::uint8_t* into, std::size_t capacity) {
  pollfd waiting = {STDIN_FILENO, POLLIN, 0};
  if (::poll(&waiting, 1, 0) <= 0) return 0;
  const ssize_t count = ::read(STDIN_FILENO, into, capacity);
  if (count <= 0) std::exit(0);
  return static_cast<std::size_t>(count);
}
void write(const std::uint8_t* from, std::size_t count) {
  while (count > 0) {
    const ssize_t done = ::write(STDOUT_FILENO, from, count);
    if (done <= 0) std::exit(0);
    from += done;
    count -= static_cast<std::size_t>(done);
  }
}
void idle() {
  pollfd waiting = {STDIN_FILENO, POLLIN, 0};
  ::poll(&waiting, 1, awake ? 0 : 1000);
}
void reset() {
  std::exit(0);
}
#endif
void stay_awake(bool wanted) {
  awake = wanted;
}
// One tick per inference so far: shows that a repeated request did not run the model twice.
std::uint32_t counter() {
  return fake_runs;
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
std::uint32_t receive_overruns() {
  return 0;
}
ResetCause reset_cause() {
  return ResetCause::pin;
}
const TinygenFault* last_fault() {
  static const TinygenFault fault = {kTinygenFaultMagic, kTinygenFaultCortexM, 5, 0x08001234, 0x08004321, 0x20001F00,
                                     {0x8200, 0, 0, 0x20020000}};
  return &fault;
}
void feed() {
  ++feeds;
}
std::size_t unique_id(std::uint8_t* into, std::size_t) {
  into[0] = 0xAB;
  into[1] = 0xCD;
  return 2;
}

std::uint32_t beats() {
  return 0;
}
void led(bool) {}

std::uint32_t watchdog_ms() {
  return 8000;
}
void expect_long_run(bool) {}
// Thirteen words and their digest, which is wrong in images made with BAD_DIGEST.
std::size_t image_spans(ImageSpan* spans) {
  spans[0] = {words, 8};
  spans[1] = {words + 2, 44};
  return 2;
}
const volatile ImageDigest* image_digest() {
  static ImageDigest digest = {};
  digest.magic = kImageDigestMagic;
  digest.crc = protocol::crc32(0, words, sizeof words) ^ BAD_DIGEST;
  return &digest;
}
}  // namespace port
}  // namespace tinygen

#ifndef FUZZED
int main() {
  tinygen::run();
}
#endif
