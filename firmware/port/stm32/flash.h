// The flash controller of one family: what flash.cpp builds erasing and writing of whole areas from.
#pragma once
#include <stdint.h>

#include "board_config.h"
#include "tinygen/store/flash.h"

namespace tinygen::port::flash {

// False when the controller stays locked, as it does until a reset after a wrong key.
bool unlock();
void lock();

// Both keys, unless it is unlocked already: a key too many would lock it.
bool unlocked_by_keys(uint32_t control, uint32_t locked, uint32_t key);

// A sector by its number within its bank; the controller is unlocked.
store::Outcome erase_sector(uint32_t number);

// kWordBytes of erased flash at once; the controller is unlocked.
store::Outcome program(uint32_t address, const uint32_t* from);

// What the core may have kept of flash that has changed.
void forget_cached(uint32_t address, uint32_t bytes);

// Of an F4, L4 or G4: the caches between flash and core, emptied while they are off.
void empty_accelerator();

// A block as it is; false where error correction gives up on a word of it.
bool read(uint32_t address, uint32_t* into);

// A poll of a status register takes at least one cycle of the core, so this many take longer than the slowest erasure.
constexpr uint32_t kPolls = board::kCoreHz / 1000 * board::kStateEraseMs + 100000;
constexpr uint32_t kPollsBetweenFeeds = 1U << 16;

// Polls until none of the bits is set, and feeds the watchdog meanwhile.
bool wait_idle(uint32_t status, uint32_t busy);

}  // namespace tinygen::port::flash
