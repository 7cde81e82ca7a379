// Feeds standard input to the frame decoder byte by byte and prints what it finds, one line per event.
#include <cstdio>

#include "tinygen/protocol/frame_decoder.h"

int main() {
  tinygen::protocol::FrameDecoder decoder;
  for (int byte = std::getchar(); byte != EOF; byte = std::getchar()) {
    switch (decoder.push(static_cast<std::uint8_t>(byte))) {
      case tinygen::protocol::FrameDecoder::Event::none:
        break;
      case tinygen::protocol::FrameDecoder::Event::frame:
        std::printf("frame %u %u ", unsigned{decoder.type()}, unsigned{decoder.sequence()});
        for (std::size_t i = 0; i < decoder.payload_bytes(); ++i) std::printf("%02x", unsigned{decoder.payload()[i]});
        std::printf("\n");
        break;
      case tinygen::protocol::FrameDecoder::Event::bad:
        std::printf("bad %u\n", static_cast<unsigned>(decoder.error()));
        break;
    }
  }
}
