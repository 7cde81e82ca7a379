// For images that only count instructions in a simulator (firmware/bench/start.cpp).
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {

// What is run; defined by the image.
void bench_main();

void bench_say(const char* text);
void bench_say_hex(const void* data, std::size_t bytes);
[[noreturn]] void bench_end();

// Ticks of a 32-bit timer; in QEMU with `-icount shift=0` one tick is one instruction. 0 where there is none.
std::uint32_t bench_now();
}
