// Two areas of the chip's flash for store/keeper_flash.cpp, whatever the family's controller looks like.
#include "board_config.h"
#if TINYGEN_BARE_METAL && TINYGEN_STATE == 1

#include "flash.h"
#include "registers.h"
#include "tinygen/port.h"

namespace tinygen::port::flash {

namespace {

bool wait_idle() {
  for (uint32_t i = 0; i < kPolls; ++i) {
    if ((reg(kController.status) & kController.busy) == 0) {
      return true;
    }
    if (i % kPollsBetweenFeeds == 0) {
      feed();
    }
  }
  return false;
}

// Flags of an earlier operation would stop the next one.
bool ready() {
  const bool idle = wait_idle();
  reg(kController.clear) = kController.errors | kController.finished;
  return idle;
}

// Both keys, unless it is unlocked already: a key too many would lock it. After a wrong one it stays locked until
// reset.
bool unlock() {
  if ((reg(kController.control) & kController.locked) != 0) {
    reg(kController.key) = 0x45670123;
    reg(kController.key) = 0xCDEF89AB;
  }
  return (reg(kController.control) & kController.locked) == 0;
}

void lock() {
  set_bits(kController.control, kController.locked);
}

// A sector by its number within its bank; the controller is unlocked.
store::Outcome erase_sector(uint32_t number) {
  bool fine = ready();
  if (fine) {
    ask_erasure(number);
    set_bits(kController.control, kController.start);
    data_barrier();
    fine = done();
    reg(kController.control) = 0;
  }
  return fine ? store::Outcome::done : store::Outcome::erase_failed;
}

store::Outcome program(uint32_t address, const uint32_t* from) {
  bool fine = ready();
  if (fine) {
    reg(kController.control) = kController.program;
    fine = put_word(address, from) && done();
    reg(kController.control) = 0;
  }
  return fine ? store::Outcome::done : store::Outcome::program_failed;
}

}  // namespace

bool done() {
  return wait_idle() && (reg(kController.status) & kController.errors) == 0;
}

#if defined(TINYGEN_CHIP_STM32F4) || defined(TINYGEN_CHIP_STM32L4) || defined(TINYGEN_CHIP_STM32G4)

// ACR: caches on 9 and 10, their reset on 11 and 12.
void empty_accelerator() {
  constexpr uint32_t kAccess = board::kFlashBase + 0x00;
  constexpr uint32_t kOn = 3U << 9;
  constexpr uint32_t kReset = 3U << 11;
  const uint32_t was = reg(kAccess);
  reg(kAccess) = was & ~kOn;
  reg(kAccess) = (was & ~kOn) | kReset;
  reg(kAccess) = was & ~kOn;
  reg(kAccess) = was;
}

#endif

#if defined(TINYGEN_CHIP_STM32F1) || defined(TINYGEN_CHIP_STM32F4) || defined(TINYGEN_CHIP_STM32F7)

bool read(uint32_t address, uint32_t* into) {
  for (uint32_t i = 0; i < store::kBlockWords; ++i) {
    into[i] = reg(address + 4 * i);
  }
  return true;
}

#endif

}  // namespace tinygen::port::flash

namespace tinygen::store {
namespace {

using namespace tinygen::port;
using namespace tinygen::board;

constexpr uint32_t kSectors = kStateAreaBytes / kStateSectorBytes;  // of an area

uint32_t address_of(uint32_t area, uint32_t offset) {
  return kStateAddress + area * kStateAreaBytes + offset;
}

// Option bytes may divide the flash in another way than the board's facts do: then nothing is ever written.
bool as_planned() {
  return (reg(kFlashBase + kStateOption) & kStateOptionMask) == kStateOptionValue;
}

}  // namespace

Geometry flash_geometry() {
  const bool there = as_planned();
  return {there ? Place::flash : Place::nowhere, there ? kStateAreaBytes : 0, kStateEndurance, kStateStallMs};
}

bool flash_read(std::uint32_t area, std::uint32_t offset, std::uint32_t* into) {
  return flash_geometry().area_bytes != 0 && flash::read(address_of(area, offset), into);
}

Outcome flash_erase(std::uint32_t area) {
  if (!flash::unlock()) {
    return Outcome::locked;
  }
  Outcome done = Outcome::done;
  for (uint32_t i = 0; i < kSectors && done == Outcome::done; ++i) {
    feed();
    done = flash::erase_sector(kStateSector + area * kSectors + i);
  }
  flash::lock();
  flash::forget_cached(address_of(area, 0), kStateAreaBytes);
  return done;
}

Outcome flash_write(std::uint32_t area, std::uint32_t offset, const std::uint32_t* from) {
  if (!flash::unlock()) {
    return Outcome::locked;
  }
  const uint32_t address = address_of(area, offset);
  Outcome done = Outcome::done;
  for (uint32_t at = 0; at < kBlockBytes && done == Outcome::done; at += kStateWordBytes) {
    done = flash::program(address + at, from + at / 4);
  }
  flash::lock();
  flash::forget_cached(address, kBlockBytes);
  if (done != Outcome::done) {
    return done;
  }
  uint32_t found[kBlockWords];
  if (!flash::read(address, found)) {
    return Outcome::verify_failed;
  }
  for (uint32_t i = 0; i < kBlockWords; ++i) {
    if (found[i] != from[i]) {
      return Outcome::verify_failed;
    }
  }
  return Outcome::done;
}

}  // namespace tinygen::store

#endif
