// Little-endian numbers in byte buffers that may lie anywhere.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::protocol {

inline std::uint16_t load16(const std::uint8_t* from) {
  return static_cast<std::uint16_t>(from[0] | (static_cast<unsigned>(from[1]) << 8));
}

inline std::uint32_t load32(const std::uint8_t* from) {
  return load16(from) | (static_cast<std::uint32_t>(load16(from + 2)) << 16);
}

// Fills a buffer field by field; the caller's buffer is large enough by construction.
class Fields {
 public:
  explicit Fields(std::uint8_t* into) : into_(into) {}

  void u8(std::uint8_t value) { into_[count_++] = value; }
  void u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value & 0xFFu));
    u8(static_cast<std::uint8_t>(value >> 8));
  }
  void u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value & 0xFFFFu));
    u16(static_cast<std::uint16_t>(value >> 16));
  }
  void bytes(const void* data, std::size_t count) {
    const auto* from = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i < count; ++i) into_[count_++] = from[i];
  }

  std::size_t count() const { return count_; }

 private:
  std::uint8_t* into_;
  std::size_t count_ = 0;
};

}  // namespace tinygen::protocol
