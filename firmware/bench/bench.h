// For images that only count instructions in a simulator (firmware/bench/<arm or xtensa>/start.cpp).
#pragma once
#include <cstddef>
#include <cstdint>

extern "C" {

// What is run; defined by the image.
void bench_main();

void bench_say(const char* text);
void bench_say_hex(const void* data, std::size_t bytes);
[[noreturn]] void bench_end();

// Instructions, read off a timer of QEMU's with `-icount shift=0`; 0 where there is none. Xtensa: in steps of 25.
std::uint32_t bench_now();
}
