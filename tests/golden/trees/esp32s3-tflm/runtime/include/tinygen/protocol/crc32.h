// CRC-32 (IEEE 802.3, reflected polynomial 0xEDB88320): the same value as zlib.crc32.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tinygen::protocol {

// Continues `crc` over `count` more bytes; 0 begins.
std::uint32_t crc32(std::uint32_t crc, const void* data, std::size_t count);

}  // namespace tinygen::protocol
