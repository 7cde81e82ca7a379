// Coverage-guided fuzzing of what the device does with bytes: decoder, session, every request (libFuzzer).
// First byte even: the rest goes into the decoder as it is. Odd: the rest is records of type, sequence, length (u16)
// and payload that are framed properly first, because no fuzzer guesses a CRC-32.
#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "tinygen/build_info.h"
#include "tinygen/port.h"
#include "tinygen/protocol/bytes.h"
#include "tinygen/protocol/frame_decoder.h"
#include "tinygen/protocol/frame_writer.h"
#include "tinygen/protocol/session.h"

namespace {

using tinygen::protocol::FrameDecoder;

std::jmp_buf restart;
FrameDecoder answers;  // what the device sends must always be frames
std::uint32_t answer_count;
std::uint8_t wire[2048];
std::size_t wire_bytes;

void heard(const std::uint8_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const FrameDecoder::Event event = answers.push(from[i]);
    if (event == FrameDecoder::Event::bad) std::abort();
    if (event != FrameDecoder::Event::frame) continue;
    const bool unasked = answers.type() == tinygen::protocol::kLog || answers.type() == tinygen::protocol::kEvent;
    answer_count += unasked ? 0 : 1;
  }
}

void to_wire(const std::uint8_t* from, std::size_t count) {
  if (count > sizeof wire - wire_bytes) std::abort();
  std::memcpy(wire + wire_bytes, from, count);
  wire_bytes += count;
}

// Each frame, good or bad, has exactly one answer.
void feed(FrameDecoder& decoder, tinygen::protocol::Session& session, const std::uint8_t* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t before = answer_count;
    std::uint32_t due = 1;
    switch (decoder.push(from[i])) {
      case FrameDecoder::Event::none:
        due = 0;
        break;
      case FrameDecoder::Event::frame:
        if (decoder.payload_bytes() > tinygen::protocol::kMaxPayload) std::abort();
        session.request(decoder);
        break;
      case FrameDecoder::Event::bad:
        session.bad_frame(decoder.error());
        break;
    }
    if (answer_count - before != due) std::abort();
  }
}

void run(const std::uint8_t* data, std::size_t size) {
  static tinygen::protocol::Session session;
  static FrameDecoder decoder;
  session = {};
  decoder = {};
  answers = {};
  session.attach(&heard);
  if (setjmp(restart) == 0) {
    if (data[0] % 2 == 0) {
      feed(decoder, session, data + 1, size - 1);
    } else {
      for (std::size_t at = 1; size - at >= 4;) {
        std::size_t bytes = tinygen::protocol::load16(data + at + 2) % 600u;
        if (bytes > size - at - 4) bytes = size - at - 4;
        tinygen::protocol::FrameWriter writer;
        writer.attach(&to_wire);
        wire_bytes = 0;
        writer.begin(data[at], data[at + 1], bytes);
        writer.put(data + at + 4, bytes);
        writer.end();
        feed(decoder, session, wire, wire_bytes);
        at += 4 + bytes;
      }
    }
  } else {
    decoder = {};  // it restarted
    session = {};
    session.attach(&heard);
  }
  // Whatever came: after the next delimiter a question is understood.
  const std::uint8_t delimiter = 0;
  feed(decoder, session, &delimiter, 1);
  tinygen::protocol::FrameWriter writer;
  writer.attach(&to_wire);
  wire_bytes = 0;
  writer.begin(tinygen::protocol::kHello, 0x55, 0);
  writer.end();
  feed(decoder, session, wire, wire_bytes);
  if (answers.type() != (tinygen::protocol::kHello | tinygen::protocol::kResponse)) std::abort();
}

}  // namespace

namespace fuzzed {
[[noreturn]] void reset() {
  std::longjmp(restart, 1);
}
}  // namespace fuzzed

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 0) run(data, size);
  return 0;
}
