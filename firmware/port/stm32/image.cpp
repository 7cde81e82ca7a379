// Where the linker script has put what the image's digest covers.
#include "board_config.h"
#if TINYGEN_BARE_METAL

#include "tinygen/port.h"

extern "C" {

extern uint32_t _vectors[];
extern uint32_t _data_load[];
extern uint32_t _data_start[];
extern uint32_t _data_end[];

// Filled in after linking, by tools/digest.py. It is the last of what the first span would cover, and not part of it.
__attribute__((section(".tinygen.digest"), used)) const volatile tinygen::port::ImageDigest tinygen_image_digest = {};
}

namespace tinygen::port {

std::size_t image_spans(ImageSpan* spans) {
  const auto address = [](const volatile void* place) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(place));
  };
  spans[0] = {_vectors, address(&tinygen_image_digest) - address(_vectors)};
  spans[1] = {_data_load, address(_data_end) - address(_data_start)};
  return 2;
}

const volatile ImageDigest* image_digest() {
  return &tinygen_image_digest;
}

}  // namespace tinygen::port

#endif
