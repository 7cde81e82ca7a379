// Slots of 32 bits as the drivers of ESP-IDF give them, one microphone, in the words other chips' capture has: two
// slots a frame, upper halves first.
#pragma once
#include <cstdint>

#include "tinygen/capture.h"

namespace tinygen::capture {

constexpr std::uint32_t kSlotsAtOnce = 64;

inline void tell_slots(OnWords tell, const std::uint32_t* slots, std::uint32_t count) {
  std::uint16_t words[4 * kSlotsAtOnce];
  for (std::uint32_t i = 0; i < count; ++i) {
    words[4 * i] = static_cast<std::uint16_t>(slots[i] >> 16);
    words[4 * i + 1] = static_cast<std::uint16_t>(slots[i] & 0xFFFF);
    words[4 * i + 2] = 0;
    words[4 * i + 3] = 0;
  }
  tell(words, 4 * count);
}

}  // namespace tinygen::capture
