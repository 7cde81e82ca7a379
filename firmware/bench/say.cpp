// What every machine's image says in the same way.
#include <cstddef>
#include <cstdint>

#include "bench.h"

extern "C" void bench_say_hex(const void* data, std::size_t bytes) {
  static char line[65];
  const char* digits = "0123456789abcdef";
  const auto* at = static_cast<const std::uint8_t*>(data);
  while (bytes != 0) {
    std::size_t used = 0;
    for (; bytes != 0 && used < 64; --bytes, ++at) {
      line[used++] = digits[*at >> 4];
      line[used++] = digits[*at & 15];
    }
    line[used] = '\0';
    bench_say(line);
  }
}
