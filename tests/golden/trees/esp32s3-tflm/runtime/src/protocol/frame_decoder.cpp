#include "tinygen/protocol/frame_decoder.h"

#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/crc32.h"

namespace tinygen::protocol {

void FrameDecoder::store(std::uint8_t byte) {
  if (count_ == kMaxFrame) {
    too_long_ = true;
    return;
  }
  buffer_[count_++] = byte;
}

FrameDecoder::Event FrameDecoder::refuse(Error error) {
  error_ = error;
  return Event::bad;
}

FrameDecoder::Event FrameDecoder::push(std::uint8_t byte) {
  if (byte == 0) return finish();
  if (block_left_ > 0) {
    store(byte);
    --block_left_;
    return Event::none;
  }
  if (zero_after_block_) store(0);
  block_left_ = static_cast<std::uint8_t>(byte - 1);
  zero_after_block_ = byte != 0xFF;
  started_ = true;
  return Event::none;
}

FrameDecoder::Event FrameDecoder::finish() {
  const bool started = started_;
  const bool cut = block_left_ > 0;
  const bool too_long = too_long_;
  const std::size_t count = count_;
  count_ = 0;
  block_left_ = 0;
  zero_after_block_ = false;
  started_ = false;
  too_long_ = false;

  if (!started) return Event::none;  // empty: a delimiter sent to begin afresh
  if (too_long) return refuse(Error::too_long);
  if (cut) return refuse(Error::bad_framing);
  if (count < kHeaderBytes + kCrcBytes) return refuse(Error::bad_length);
  const std::size_t payload_bytes = load16(buffer_ + 2);
  if (payload_bytes != count - kHeaderBytes - kCrcBytes) return refuse(Error::bad_length);
  const std::uint32_t crc = load32(buffer_ + count - kCrcBytes);
  if (crc != crc32(0, buffer_, count - kCrcBytes)) return refuse(Error::bad_crc);
  payload_bytes_ = payload_bytes;
  crc_ = crc;
  return Event::frame;
}

}  // namespace tinygen::protocol
