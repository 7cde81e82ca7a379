// The application of the port tests: says its start, then answers each byte by the next one, and a few letters by more.
#include "tinygen/app.h"
#include "tinygen/fault.h"
#include "tinygen/port.h"

namespace {

struct Constructed {
  Constructed() { value = 42; }
  volatile std::uint32_t value;
};

Constructed constructed;
std::uint32_t initialised = 0x1234;

void say(const char* name, std::uint32_t value) {
  std::uint8_t text[32];
  std::size_t n = 0;
  while (name[n] != '\0') {
    text[n] = static_cast<std::uint8_t>(name[n]);
    ++n;
  }
  text[n++] = '=';
  for (int shift = 28; shift >= 0; shift -= 4) {
    text[n++] = static_cast<std::uint8_t>("0123456789abcdef"[(value >> shift) & 15U]);
  }
  text[n++] = ' ';
  tinygen::port::write(text, n);
}

std::uint32_t dig(std::uint32_t depth) {
  volatile std::uint32_t hole[64];
  hole[0] = depth;
  return depth == 0 ? hole[0] : dig(depth - 1) + hole[0];
}

void answer(std::uint8_t byte) {
  switch (byte) {
    case '?': {
      say("stack", tinygen::port::stack_bytes());
      say("used", tinygen::port::stack_used_bytes());
      say("lost", tinygen::port::receive_overruns());
      say("cause", static_cast<std::uint32_t>(tinygen::port::reset_cause()));
      say("dog", tinygen::port::watchdog_ms());
      const std::uint32_t start = tinygen::port::counter();
      for (volatile std::uint32_t i = 0; i < 1000; i = i + 1) {
      }
      say("count", tinygen::port::counter() - start);
      return;
    }
    case '~': {  // long enough for SysTick's 24 bits to wrap
      const std::uint32_t start = tinygen::port::counter();
      std::uint32_t last = start;
      std::uint32_t backwards = 0;
      for (std::uint32_t i = 0; i < 4000000; ++i) {
        const std::uint32_t now = tinygen::port::counter();
        if (now - last > 0x80000000U) {
          ++backwards;
        }
        last = now;
      }
      say("backwards", backwards);
      say("long", last - start);
      return;
    }
    case '!':
      tinygen::port::reset();
    case '#':
      *reinterpret_cast<volatile std::uint32_t*>(0x30000000) = 1;  // no memory there
      return;
    case '^':
      say("dug", dig(10000));
      return;
    default: {
      const auto next = static_cast<std::uint8_t>(byte + 1);
      tinygen::port::write(&next, 1);
    }
  }
}

}  // namespace

extern "C" void tinygen_report_fault(const TinygenFault* fault) {
  say("FAULT", fault->number);
  say("pc", fault->pc);
  say("lr", fault->lr);
  for (const std::uint32_t word : fault->status) say("status", word);
  say("end", fault->architecture);
}

namespace tinygen {

void begin() {
  say("start", static_cast<std::uint32_t>(port::init()));
  say("kind", static_cast<std::uint32_t>(port::counter_kind()));
  say("made", constructed.value);
  say("data", initialised);
}

void poll() {
  port::feed();
  std::uint8_t bytes[64];
  const std::size_t count = port::read(bytes, sizeof bytes);
  if (count == 0) {
    port::idle();
  }
  for (std::size_t i = 0; i < count; ++i) {
    answer(bytes[i]);
  }
}

void run() {
  begin();
  for (;;) {
    poll();
  }
}

}  // namespace tinygen
