// Where the linker script has put what the image's digest covers. Under a framework tools/hosted.ld tells the linker by
// which names its script knows these places.
#include "tinygen/port.h"

extern "C" {

extern uint32_t _vectors[];
extern uint32_t _data_load[];
extern uint32_t _data_start[];
extern uint32_t _data_end[];

// Filled in after linking, by tools/digest.py. Read as volatile, but not declared so: that would make it a variable to
// the linker, which a framework's script would put into RAM.
extern const tinygen::port::ImageDigest tinygen_image_digest;
__attribute__((section(".tinygen.digest"), used)) const tinygen::port::ImageDigest tinygen_image_digest = {};
}

namespace tinygen::port {

// Around the record; a framework's script may place constants behind it.
std::size_t image_spans(ImageSpan* spans) {
  const auto address = [](const volatile void* place) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(place));
  };
  std::size_t count = 0;
  spans[count++] = {_vectors, address(&tinygen_image_digest) - address(_vectors)};
  if (const uint32_t behind = image_digest()->behind; behind > 0) {
    spans[count++] = {reinterpret_cast<const volatile uint32_t*>(&tinygen_image_digest + 1), behind};
  }
  spans[count++] = {_data_load, address(_data_end) - address(_data_start)};
  return count;
}

const volatile ImageDigest* image_digest() {
  return &tinygen_image_digest;
}

}  // namespace tinygen::port
