// What every engine offers to the application. Defined by the generated model.cpp.
#pragma once
#include <cstdint>

namespace tinygen::model {

// A tensor that lies in the arena (or is constant) while the model runs.
struct TensorView {
  const void* data;
  std::uint32_t bytes;
  std::uint16_t step;    // the step that writes it; valid right after that step
  std::uint16_t tensor;  // its index in the .tflite file
};

struct Info {
  std::uint32_t arena_bytes;
  std::uint32_t weights_bytes;
  std::uint32_t input_bytes;   // of all inputs
  std::uint32_t output_bytes;  // of all outputs
  std::uint16_t step_count;
  std::uint16_t observed_count;  // tensors written by steps, in order
};

extern const Info kInfo;

// Called after each step; returning false ends the inference there.
using AfterStep = bool (*)(void* context, std::uint16_t step);

std::int8_t* input();

// A place beside the arena that holds one model input (kInfo.input_bytes): the application keeps the input there,
// because the arena may reuse input()'s bytes during an inference, and copies it into input() before every run.
std::int8_t* input_copy();

const std::int8_t* output();
const TensorView& observed(std::uint16_t index);

// Runs the model on input(). `after_step` may be null: nothing but the steps is then executed.
void infer(AfterStep after_step, void* context);

}  // namespace tinygen::model
