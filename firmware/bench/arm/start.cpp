// The smallest program around a piece of code that is to be counted: no port, no interrupts, no C library start-up.
// It runs in a simulator that ends it and takes its words by semihosting (QEMU), or by watching bench_say and bench_end
// (unicorn).
#include <cstddef>
#include <cstdint>

#include "bench.h"

extern "C" {
extern std::uint32_t bench_data_load[], bench_data_start[], bench_data_end[], bench_bss_end[], bench_stack_top[];
[[noreturn]] void bench_start();
}

namespace {

std::intptr_t semihost(std::intptr_t operation, const void* argument) {
  register std::intptr_t r0 asm("r0") = operation;
  register const void* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

[[noreturn]] void failed() {
  bench_say("FAULT\n");
  bench_end();
}

using Handler = void (*)();

struct Vectors {
  std::uint32_t* stack_top;
  Handler handlers[15];
};

constexpr Vectors make_vectors() {
  Vectors table = {bench_stack_top, {}};
  for (Handler& handler : table.handlers) handler = failed;
  table.handlers[0] = bench_start;
  return table;
}

[[gnu::section(".vectors"), gnu::used]] const Vectors kVectors = make_vectors();

}  // namespace

extern "C" {

[[gnu::noinline, gnu::used]] void bench_say(const char* text) {
  semihost(4, text);
}

[[gnu::noinline, gnu::used, noreturn]] void bench_end() {
  semihost(0x18, reinterpret_cast<const void*>(0x20026));
  for (;;) {
  }
}

void bench_start() {
#ifdef BENCH_COPROCESSORS
  *reinterpret_cast<volatile std::uint32_t*>(0xE000ED88) |= 0xF00000;  // CPACR: floating point and Helium
  asm volatile("dsb\n isb" ::: "memory");
#endif
  const std::uint32_t* from = bench_data_load;
  for (volatile std::uint32_t* to = bench_data_start; to != bench_data_end; ++to) *to = *from++;
  for (volatile std::uint32_t* to = bench_data_end; to != bench_bss_end; ++to) *to = 0;
#ifdef BENCH_SYSTICK_NS_PER_4
  auto* systick = reinterpret_cast<volatile std::uint32_t*>(0xE000E010);
  systick[1] = 0xFFFFFF;
  systick[0] = 5;  // counts the core's clock
#endif
#ifdef BENCH_TIMER
  *reinterpret_cast<volatile std::uint32_t*>(BENCH_TIMER) = 1;  // TIM2_CR1: count
#endif
  bench_main();
  bench_end();
}

std::uint32_t bench_now() {
#ifdef BENCH_TIMER
  return *reinterpret_cast<volatile std::uint32_t*>(BENCH_TIMER + 0x24);  // TIM2_CNT
#elif defined(BENCH_SYSTICK_NS_PER_4)
  const std::uint32_t left = *reinterpret_cast<volatile std::uint32_t*>(0xE000E018);
  return (0xFFFFFF - left) * BENCH_SYSTICK_NS_PER_4 / 4;
#else
  return 0;
#endif
}
}
