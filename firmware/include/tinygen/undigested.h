// What a port answers whose image has no digest of ours, because somebody else checks it: the operating system, or
// Espressif's boot loader, at every start. One source of such a port includes it.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/port.h"

namespace tinygen::port {

std::size_t image_spans(ImageSpan*) {
  return 0;
}

const volatile ImageDigest* image_digest() {
  return nullptr;
}

}  // namespace tinygen::port
