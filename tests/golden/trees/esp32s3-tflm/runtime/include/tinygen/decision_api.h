// What an output means. Defined by the generated decision.cpp, in integers.
#pragma once
#include <cstdint>

namespace tinygen::decision {

struct Result {
  std::int16_t label;
  std::int32_t score;
};

// `input` and `output` are the model's int8 tensors after an inference. `input` is the application's copy when the
// arena reuses the model's input; see kKeepsInput.
Result decide(const std::int8_t* input, const std::int8_t* output);

extern const bool kKeepsInput;  // true: decide() reads `input`, so the application keeps a copy

const char* label_name(std::int16_t label);

}  // namespace tinygen::decision
