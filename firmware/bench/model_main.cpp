// Runs a generated model on BENCH_VECTORS inputs that lie one after the other in bench_vectors, and says what came out.
#include <cstddef>
#include <cstdint>

#include "bench.h"
#include "tinygen/model_api.h"

extern "C" {
extern const std::int8_t bench_vectors[];
[[gnu::noinline]] void bench_nothing(tinygen::model::AfterStep, void*) {
  asm volatile("" ::: "memory");
}
}

namespace tm = tinygen::model;

void bench_main() {
  const std::uint32_t before = bench_now();
  bench_nothing(nullptr, nullptr);
  const std::uint32_t around = bench_now() - before;
  const std::int8_t* from = bench_vectors;
  for (int number = 0; number < BENCH_VECTORS; ++number) {
    for (std::uint16_t i = 0; i < tm::kInfo.input_count; ++i) {
      auto* to = static_cast<std::int8_t*>(const_cast<void*>(tm::input_view(i).data));
      for (std::uint32_t byte = 0; byte < tm::input_view(i).bytes; ++byte) to[byte] = *from++;
    }
    const std::uint32_t start = bench_now();
    tm::infer(nullptr, nullptr);
    const std::uint32_t elapsed = bench_now() - start;
    const std::uint32_t taken = elapsed > around ? elapsed - around + 1 : 1;  // infer's own return counts
    bench_say("T ");
    bench_say_hex(&taken, sizeof taken);
    bench_say("\nO ");
    for (std::uint16_t i = 0; i < tm::kInfo.output_count; ++i) {
      bench_say_hex(tm::output_view(i).data, tm::output_view(i).bytes);
    }
    bench_say("\n");
  }
}
