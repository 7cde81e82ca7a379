// What a port gives the application. One implementation per folder of firmware/port.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::port {

enum class Status : std::uint8_t { ok, clock_failed, serial_failed };

// Clocks, serial line, receive interrupt or DMA, cycle counter, stack painting.
[[nodiscard]] Status init();

// Takes up to `capacity` received bytes out of the receive ring; 0 when nothing is there. Never waits.
std::size_t read(std::uint8_t* into, std::size_t capacity);

// Sends all bytes; waits while the line is busy.
void write(const std::uint8_t* from, std::size_t count);

// Called when read() had nothing: waits for an interrupt. Simulators without interrupts fill the ring here.
void idle();

// Free-running counter, wraps at 2^32. What a count means is the target's to say (cycles, ticks, nothing).
std::uint32_t counter();

enum class CounterKind : std::uint8_t { none, dwt, systick, ccount, host_ns };
CounterKind counter_kind();

// Bytes of stack reserved, and the most that was ever used (by painting); 0 where the port cannot know.
std::uint32_t stack_bytes();
std::uint32_t stack_used_bytes();

// Bytes lost because the ring was full, since init().
std::uint32_t receive_overruns();

// Restarts the device (host: ends the program).
[[noreturn]] void reset();

}  // namespace tinygen::port
