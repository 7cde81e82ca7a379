// The stack's limits from the linker script, and what painting it tells.
#pragma once
#include <stdint.h>

extern "C" uint32_t _stack_limit[];  // lowest word
extern "C" uint32_t _stack_top[];    // one past the highest

namespace tinygen::port {

constexpr uint32_t kStackPaint = 0xC5C5C5C5;

// Fills what lies below the caller's frame. `below` is an address in the caller's frame.
inline void paint_stack(volatile uint32_t* below) {
  for (volatile uint32_t* word = _stack_limit; word < below; ++word) {
    *word = kStackPaint;
  }
}

// Bytes between the lowest word that was ever overwritten and the top.
inline uint32_t stack_high_water() {
  const volatile uint32_t* word = _stack_limit;
  while (word < _stack_top && *word == kStackPaint) {
    ++word;
  }
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(_stack_top) - reinterpret_cast<uintptr_t>(word));
}

inline uint32_t stack_size() {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(_stack_top) - reinterpret_cast<uintptr_t>(_stack_limit));
}

}  // namespace tinygen::port
