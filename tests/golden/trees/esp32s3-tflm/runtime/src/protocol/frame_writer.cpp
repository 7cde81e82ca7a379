#include "tinygen/protocol/frame_writer.h"

#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/crc32.h"
#include "tinygen/protocol/messages.h"

namespace tinygen::protocol {

void FrameWriter::begin(std::uint8_t type, std::uint8_t sequence, std::size_t payload_bytes) {
  std::uint8_t header[kHeaderBytes];
  Fields fields(header);
  fields.u8(type);
  fields.u8(sequence);
  fields.u16(static_cast<std::uint16_t>(payload_bytes));
  crc_ = 0;
  block_ = 0;
  put(header, sizeof header);
}

void FrameWriter::put(const void* data, std::size_t count) {
  crc_ = crc32(crc_, data, count);
  encode(static_cast<const std::uint8_t*>(data), count);
}

void FrameWriter::end() {
  std::uint8_t tail[kCrcBytes];
  Fields(tail).u32(crc_);
  encode(tail, sizeof tail);
  flush_block();
  const std::uint8_t delimiter = 0;
  sink_(&delimiter, 1);
}

void FrameWriter::encode(const std::uint8_t* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (block_ == 254) flush_block();
    if (bytes[i] == 0) {
      flush_block();
    } else {
      buffer_[++block_] = bytes[i];
    }
  }
}

void FrameWriter::flush_block() {
  buffer_[0] = static_cast<std::uint8_t>(block_ + 1);
  sink_(buffer_, block_ + 1);
  block_ = 0;
}

}  // namespace tinygen::protocol
