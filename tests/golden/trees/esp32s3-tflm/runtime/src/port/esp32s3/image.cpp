// Where the linker script has put what the image's digest covers.
#if defined(TINYGEN_STANDIN)
#include "tinygen/port.h"

extern "C" {

extern uint32_t _image_text_start[];
extern uint32_t _image_text_end[];
extern uint32_t _rodata_start[];

// Filled in after linking, by tools/digest.py. It is the last of the constants, and the second span ends before it.
__attribute__((section(".tinygen.digest"), used)) const volatile tinygen::port::ImageDigest tinygen_image_digest = {};
}

namespace tinygen::port {

std::size_t image_spans(ImageSpan* spans) {
  const auto address = [](const volatile void* place) {
    return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(place));
  };
  spans[0] = {_image_text_start, address(_image_text_end) - address(_image_text_start)};
  spans[1] = {_rodata_start, address(&tinygen_image_digest) - address(_rodata_start)};
  return 2;
}

const volatile ImageDigest* image_digest() {
  return &tinygen_image_digest;
}

}  // namespace tinygen::port

#endif
