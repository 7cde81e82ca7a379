// `pio test`: the model computes the vectors compiled in; each result is a line of text on the protocol's serial line.
#include <cstddef>
#include <cstdint>

#include "tinygen/build_info.h"
#include "tinygen/model_api.h"
#include "tinygen/port.h"
namespace {

void say(const char* text) {
  std::size_t count = 0;
  while (text[count] != '\0') ++count;
  tinygen::port::write(reinterpret_cast<const std::uint8_t*>(text), count);
}

void say(std::uint32_t number) {
  char digits[11] = {};
  std::size_t place = sizeof digits - 1;
  do {
    digits[--place] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number > 0);
  say(digits + place);
}

// Bytes that differ from what TFLM's interpreter gave for this vector.
std::uint32_t differing(const tinygen::SelfTestVector& vector) {
  std::int8_t* input = tinygen::model::input_copy();
  for (std::uint32_t i = 0; i < tinygen::model::kInfo.input_bytes; ++i) input[i] = vector.input[i];
  tinygen::model::load_input();
  tinygen::model::infer(nullptr, nullptr);
  const std::int8_t* output = tinygen::model::gathered_output();
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < tinygen::model::kInfo.output_bytes; ++i) count += output[i] != vector.expected[i];
  return count;
}

void test_all() {
  if (tinygen::model::kInfo.state_bytes > 0) tinygen::model::reset();  // a sequence from its start
  for (std::uint16_t i = 0; i < tinygen::kSelfTestCount; ++i) {
    tinygen::port::feed();
    const std::uint32_t wrong = differing(tinygen::kSelfTestVectors[i]);
    say("selftest ");
    say(std::uint32_t{i} + 1);
    say(" of ");
    say(tinygen::kSelfTestCount);
    say(": ");
    if (wrong > 0) {
      say(wrong);
      say(" bytes differ\n");
    } else {
      say("ok\n");
    }
  }
}

}  // namespace

int main() {
  static_cast<void>(tinygen::port::init());
  for (;;) test_all();  // until somebody listens
}
