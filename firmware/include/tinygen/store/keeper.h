// Keeps one thing over a loss of power: the newest whole record, or nothing. Where and how is the port's to choose:
// TINYGEN_STATE of board_config.h is 0 (nowhere), 1 (this chip's flash), 2 (ESP-IDF's NVS) or 3 (a file of the host).
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::store {

enum class Place : std::uint8_t { nowhere, flash, nvs, file };

// What load() met. `torn`: a write or an erasure was cut off, what was there before it holds. `damaged`: a record that
// was finished does not fit its digest any more. `other`: the newest record belongs to another model or front end.
enum class Found : std::uint8_t { not_looked, nothing, whole, torn, damaged, other, forgotten };

enum class Outcome : std::uint8_t { none, done, locked, erase_failed, program_failed, verify_failed, too_large };

struct Status {
  Place place;
  Found found;
  Outcome outcome;            // of the last write since the start
  std::uint32_t sequence;     // of the record that holds: how many were ever written; 0 without one
  std::uint32_t erases;       // of the area that was erased most
  std::uint32_t endurance;    // erases an area is good for, by the datasheet; 0 where the place sees to that itself
  std::uint32_t stall_ms;     // the longest the program stands still during a write, by the datasheet
  std::uint32_t writes_left;  // records until the next erasure
};

// Copies the newest record into `into` and returns true where it holds `bytes` bytes that belong to `owner`. Otherwise
// `into` is as it was, and status() says why.
bool load(std::uint32_t owner, void* into, std::uint32_t bytes);

// Writes a record. While it is not finished the one before holds; and it holds when this fails.
bool save(std::uint32_t owner, const void* from, std::uint32_t bytes);

// A record that says so, and then nothing else is left.
bool forget(std::uint32_t owner);

Status status();

}  // namespace tinygen::store
