// Bytes in, frames out: COBS, length and CRC, in bounded memory. Whatever arrives, the next 0x00 begins anew.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/protocol/messages.h"

namespace tinygen::protocol {

class FrameDecoder {
 public:
  enum class Event : std::uint8_t { none, frame, bad };

  // Takes one byte. `frame`: a good frame stands in this object until the next push. `bad`: error() says why.
  Event push(std::uint8_t byte);

  std::uint8_t type() const { return buffer_[0]; }
  std::uint8_t sequence() const { return buffer_[1]; }
  const std::uint8_t* payload() const { return buffer_ + kHeaderBytes; }
  std::size_t payload_bytes() const { return payload_bytes_; }
  std::uint32_t crc() const { return crc_; }
  Error error() const { return error_; }

 private:
  void store(std::uint8_t byte);
  Event finish();
  Event refuse(Error error);

  alignas(4) std::uint8_t buffer_[kMaxFrame] = {};
  std::size_t count_ = 0;          // bytes decoded of the frame that is arriving
  std::size_t payload_bytes_ = 0;  // of the last good frame
  std::uint32_t crc_ = 0;
  std::uint8_t block_left_ = 0;    // bytes until the next COBS code
  bool zero_after_block_ = false;  // the block ends in a zero that is not on the wire
  bool started_ = false;
  bool too_long_ = false;
  Error error_ = Error::none;
};

}  // namespace tinygen::protocol
