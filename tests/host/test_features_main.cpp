// Reads jobs from standard input, streams them through the generated front end, writes its info and rows.
// Input: uint32 jobs; per job: uint32 chunks, uint32 instants of each chunk, then all int16 samples.
// Output: uint32 rate, channels, samples_per_inference, frames, frame_values, state_bytes; per job the model input.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tinygen/features_api.h"

namespace {

template <class T>
std::vector<T> take(std::size_t count) {
  std::vector<T> values(count);
  if (count != 0 && std::fread(values.data(), sizeof(T), count, stdin) != count) {
    std::exit(2);
  }
  return values;
}

void put(std::uint32_t value) {
  std::fwrite(&value, sizeof value, 1, stdout);
}

}  // namespace

int main() {
  const tinygen::features::Info& info = tinygen::features::kInfo;
  put(info.rate_hz);
  put(info.channels);
  put(info.samples_per_inference);
  put(info.frames);
  put(info.frame_values);
  put(info.state_bytes);
  const std::uint32_t jobs = take<std::uint32_t>(1)[0];
  for (std::uint32_t job = 0; job < jobs; ++job) {
    // A vector of exactly the right size lets the address sanitizer see a write outside.
    std::vector<std::int8_t> model_input(static_cast<std::size_t>(info.frames) * info.frame_values, std::int8_t{99});
    const auto sizes = take<std::uint32_t>(take<std::uint32_t>(1)[0]);
    tinygen::features::reset();
    std::uint16_t done = tinygen::features::frames_done();
    if (done != 0) {
      return 3;
    }
    for (const std::uint32_t size : sizes) {
      const auto samples = take<std::int16_t>(static_cast<std::size_t>(size) * info.channels);
      tinygen::features::push(samples.data(), size, model_input.data());
      if (tinygen::features::frames_done() < done) {
        return 4;
      }
      done = tinygen::features::frames_done();
    }
    if (done != info.frames) {
      return 5;
    }
    std::fwrite(model_input.data(), 1, model_input.size(), stdout);
  }
  return 0;
}
