// The flash controller of one family: what flash.cpp builds erasing and writing of whole areas from.
#pragma once
#include <stdint.h>

#include "board_config.h"
#include "tinygen/store/flash.h"

namespace tinygen::port::flash {

// Addresses of registers, and bits in them.
struct Controller {
  uint32_t key;
  uint32_t control;
  uint32_t status;
  uint32_t clear;  // where flags go when they are written as 1: the status itself, or a register of its own
  uint32_t busy;
  uint32_t errors;
  uint32_t finished;
  uint32_t locked;
  uint32_t start;
  uint32_t program;  // all that control holds while words are programmed
};
extern const Controller kController;

// Says which sector of its bank is to be erased; the caller starts it.
void ask_erasure(uint32_t number);

// kWordBytes of erased flash at once, while control says program. False when a part of the word failed.
bool put_word(uint32_t address, const uint32_t* from);

// Waits, and says whether there was no error.
bool done();

// What the core may have kept of flash that has changed.
void forget_cached(uint32_t address, uint32_t bytes);

// Of an F4, L4 or G4: the caches between flash and core, emptied while they are off.
void empty_accelerator();

// A block as it is; false where error correction gives up on a word of it.
bool read(uint32_t address, uint32_t* into);

// A poll of a status register takes at least one cycle of the core, so this many take longer than the slowest erasure.
constexpr uint32_t kPolls = board::kCoreHz / 1000 * board::kStateEraseMs + 100000;
constexpr uint32_t kPollsBetweenFeeds = 1U << 16;

}  // namespace tinygen::port::flash
