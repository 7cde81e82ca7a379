// The application of the store's tests: learns rows of eight values and keeps what it learned as stream.cpp does.
// Requests are a letter and little-endian words; answers are words.
#include "tinygen/app.h"
#include "tinygen/learn/normal.h"
#include "tinygen/port.h"
#include "tinygen/store/keeper.h"

namespace {

using namespace tinygen;

constexpr std::uint32_t kValues = 8;
[[gnu::section(".noinit.tinygen_learned")]] learn::Slot<kValues> slots[2];
learn::Normal<kValues> normal;
std::uint32_t owner;

void put(std::uint32_t word) {
  const std::uint8_t bytes[4] = {static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(word >> 8),
                                 static_cast<std::uint8_t>(word >> 16), static_cast<std::uint8_t>(word >> 24)};
  port::write(bytes, sizeof bytes);
}

std::uint8_t get() {
  std::uint8_t byte = 0;
  while (port::read(&byte, 1) == 0) {
    port::feed();
    port::idle();
  }
  return byte;
}

std::uint32_t get_word() {
  std::uint32_t word = 0;
  for (int shift = 0; shift < 32; shift += 8) {
    word |= static_cast<std::uint32_t>(get()) << shift;
  }
  return word;
}

void get_row(std::int8_t* row) {
  for (std::uint32_t i = 0; i < kValues; ++i) {
    row[i] = static_cast<std::int8_t>(get());
  }
}

void answer(std::uint8_t request) {
  std::int8_t row[kValues];
  switch (request) {
    case 'o': {  // the owner: the program begins
      owner = get_word();
      const bool outlived = normal.start(slots, owner);
      learn::Slot<kValues> found;
      const bool loaded = store::load(owner, &found, sizeof found);
      if (loaded && !outlived) {
        *normal.place() = found;
        normal.adopt();
      }
      put(loaded ? 1 : 0);
      break;
    }
    case 'a':
      get_row(row);
      normal.add(row);
      put(normal.status().count);
      break;
    case 'l':
      normal.learn();
      put(normal.phase());
      break;
    case 'f': {
      const bool frozen = normal.freeze(get_word());
      put(frozen && store::save(owner, normal.bytes(), sizeof slots[0]) ? 1 : 0);
      break;
    }
    case 'x':
      normal.forget();
      put(store::forget(owner) ? 1 : 0);
      break;
    case 's':
      get_row(row);
      put(normal.score(row));
      break;
    case '?': {
      const auto now = normal.status();
      const auto told = store::status();
      put(now.phase);
      put(now.count);
      put(now.threshold);
      put(static_cast<std::uint32_t>(told.place));
      put(static_cast<std::uint32_t>(told.found));
      put(static_cast<std::uint32_t>(told.outcome));
      put(told.sequence);
      put(told.erases);
      put(told.stall_ms);
      put(told.writes_left);
      break;
    }
    case 'b':
      port::write(normal.bytes(), sizeof slots[0]);
      break;
    default:
      break;
  }
}

}  // namespace

namespace tinygen {

void begin() {
  (void)port::init();
}

void poll() {
  answer(get());
}

void run() {
  begin();
  for (;;) {
    poll();
  }
}

}  // namespace tinygen
