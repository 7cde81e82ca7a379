// What a port gives the application. One implementation per folder of firmware/port.
#pragma once
#include <cstddef>
#include <cstdint>

struct TinygenFault;

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

// From now on idle() may sleep (false, as at first) or returns at once, because a sensor wants to be asked (true).
void stay_awake(bool wanted);

// Free-running counter, wraps at 2^32. What a count means is the target's to say (cycles, ticks, nothing).
std::uint32_t counter();

enum class CounterKind : std::uint8_t { none, dwt, systick, ccount, host_ns };
CounterKind counter_kind();

// Bytes of stack reserved, and the most that was ever used (by painting); 0 where the port cannot know.
std::uint32_t stack_bytes();
std::uint32_t stack_used_bytes();

// Why the program started. `fault`: the exception handler ran, and last_fault() knows more.
enum class ResetCause : std::uint8_t {
  unknown,
  power_on,
  pin,
  software,
  watchdog,
  fault,
  brown_out,
  low_power,
};
ResetCause reset_cause();

// The fault before this start, or null.
const TinygenFault* last_fault();

// Tells the watchdog, where one runs, that the program is alive. The application calls it in every turn, after every
// step of an inference and every part of a longer work.
void feed();

// Milliseconds (nominal) without feed() after which the watchdog restarts the chip; 0 where none runs.
std::uint32_t watchdog_ms();

// An inference follows in which nobody can feed (true), or it is over (false): the watchdog waits as long as it can.
void expect_long_run(bool expected);

// What the digest of the image covers, as it lies in memory; word by word, because some memories know nothing else.
struct ImageSpan {
  const volatile std::uint32_t* words;
  std::uint32_t bytes;  // a multiple of 4
};

// Written into the linked image by the project's tools/digest.py; before that `magic` is something else.
struct ImageDigest {
  std::uint32_t magic;
  std::uint32_t crc;  // CRC-32 over the spans, one after the other
  std::uint32_t bytes;
  std::uint32_t behind;  // bytes behind this record that are covered, too
};
constexpr std::uint32_t kImageDigestMagic = 0x31444754;  // "TGD1"
constexpr std::size_t kMaxImageSpans = 3;

// Fills `spans` and returns how many there are; 0 where the port's image has no digest.
std::size_t image_spans(ImageSpan* spans);
const volatile ImageDigest* image_digest();

// Bytes lost because the ring was full, since init().
std::uint32_t receive_overruns();

// The chip's own number, at most kUniqueIdBytes: written to `into`; 0 where there is none or `capacity` is too small.
constexpr std::size_t kUniqueIdBytes = 12;
std::size_t unique_id(std::uint8_t* into, std::size_t capacity);

// Tenths of a second, roughly, while the program waits; 0 for ever where the port has no clock for it. Looking costs
// nothing and does not disturb counter().
std::uint32_t beats();

// Lights the board's LED, where there is one that a pin drives.
void led(bool lit);

// Restarts the device (host: ends the program).
[[noreturn]] void reset();

}  // namespace tinygen::port
