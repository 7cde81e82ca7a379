#include "tinygen/protocol/crc32.h"

namespace tinygen::protocol {
namespace {

// One entry per nibble: 64 bytes of flash instead of 1 KiB.
struct Table {
  std::uint32_t entries[16];

  constexpr Table() : entries{} {
    for (std::uint32_t nibble = 0; nibble < 16; ++nibble) {
      std::uint32_t value = nibble;
      for (int bit = 0; bit < 4; ++bit) value = (value & 1u) != 0 ? (value >> 1) ^ 0xEDB88320u : value >> 1;
      entries[nibble] = value;
    }
  }
};

constexpr Table kTable;

}  // namespace

std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t count) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  std::uint32_t state = ~crc;
  for (std::size_t i = 0; i < count; ++i) {
    state ^= bytes[i];
    state = (state >> 4) ^ kTable.entries[state & 0xFu];
    state = (state >> 4) ^ kTable.entries[state & 0xFu];
  }
  return ~state;
}

}  // namespace tinygen::protocol
