// As arm/start.cpp, for QEMU's Xtensa machine `sim` with an lx106: it takes words and its end by SIMCALL.
// Source: QEMU 7.2, target/xtensa/xtensa-semi.c (call numbers).
#include <cstddef>
#include <cstdint>

#include "bench.h"

extern "C" {
std::int32_t bench_simcall(std::int32_t number, std::int32_t a, std::int32_t b, std::int32_t c);
[[noreturn]] void bench_start();

[[gnu::noinline, gnu::used]] void bench_say(const char* text) {
  std::int32_t length = 0;
  while (text[length] != '\0') {
    ++length;
    asm volatile("" ::: "memory");  // no strlen() instead: there is no C library
  }
  bench_simcall(4, 1, static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(text)), length);
}

[[gnu::noinline, gnu::used, noreturn]] void bench_end() {
  for (;;) bench_simcall(1, 0, 0, 0);
}

// The loader has filled .data, and the machine's memory begins as zeros.
void bench_start() {
  bench_main();
  bench_end();
}

// The counter runs at 40 MHz, an instruction takes a nanosecond.
std::uint32_t bench_now() {
  std::uint32_t ticks;
  asm volatile("rsr %0, ccount" : "=r"(ticks)::"memory");
  return 25 * ticks;
}
}
