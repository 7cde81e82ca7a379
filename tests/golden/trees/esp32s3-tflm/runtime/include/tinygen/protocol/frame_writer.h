// Writes one frame piece by piece, straight from where the bytes lie: no frame-sized buffer.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::protocol {

class FrameWriter {
 public:
  using Sink = void (*)(const std::uint8_t* from, std::size_t count);

  // Where the bytes go; before the first begin().
  void attach(Sink sink) { sink_ = sink; }

  // `payload_bytes` must be the sum of what put() gets until end().
  void begin(std::uint8_t type, std::uint8_t sequence, std::size_t payload_bytes);
  void put(const void* data, std::size_t count);
  void end();

 private:
  void encode(const std::uint8_t* bytes, std::size_t count);
  void flush_block();

  Sink sink_ = nullptr;
  std::uint32_t crc_ = 0;
  std::size_t block_ = 0;          // bytes waiting in the current COBS block
  std::uint8_t buffer_[255] = {};  // code, then up to 254 bytes
};

}  // namespace tinygen::protocol
