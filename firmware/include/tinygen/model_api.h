// What every engine offers to the application. Defined by the generated model.cpp (and, for TensorFlow Lite Micro's
// interpreter, by tflm/engine.cpp).
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
  std::uint32_t state_bytes;     // what outlives an inference; 0 for a model without state
  std::uint16_t input_count;
  std::uint16_t output_count;
};

extern const Info kInfo;

// What each array of weights must be: CRC-32 (IEEE 802.3) of its bytes, known when the code was generated.
struct WeightDigest {
  const void* data;
  std::uint32_t bytes;
  std::uint32_t crc;
};

extern const WeightDigest kWeightDigests[];
extern const std::uint16_t kWeightCount;

// Makes the model ready; the application calls it once, before anything else. Generated code is always ready; an
// interpreter may find its arena too small. Calling it again starts from nothing.
bool start();

// Whether it is ready, and no step of it has refused its work since.
bool healthy();

// The smallest arena this engine would start in. Runs nothing, but the next inference starts from the first state.
std::uint32_t least_arena_bytes();

// Called after each step; returning false ends the inference there.
using AfterStep = bool (*)(void* context, std::uint16_t step);

// The first input and the first output; a model with several has the others at input_view and output_view. What is not
// int8 lies there in the machine's own bytes, aligned: floats are read and written as float.
std::int8_t* input();

// All the memory the model works in (kInfo.arena_bytes), for whoever wants to see how much of it is used.
std::int8_t* arena();

// A place beside the arena that holds one model input (kInfo.input_bytes): the application keeps the input there,
// because the arena may reuse input()'s bytes during an inference, and copies it into input() before every run.
std::int8_t* input_copy();

const std::int8_t* output();

// A view holds until the next one is asked for.
const TensorView& input_view(std::uint16_t index);
const TensorView& output_view(std::uint16_t index);
const TensorView& observed(std::uint16_t index);

// Inputs one after the other, as input_copy() holds them, into their places; with one input a plain copy to input().
void load_input();

// Outputs one after the other (kInfo.output_bytes): output() itself when there is only one.
const std::int8_t* gathered_output();

// Back to the state before the first inference. A model starts in that state; nobody has to call this first.
void reset();

// For whoever must run the same inference twice: keeps a copy of the state beside the arena, and takes it back.
void save_state();
void restore_state();

// Runs the model on input(). `after_step` may be null: nothing but the steps is then executed.
void infer(AfterStep after_step, void* context);

}  // namespace tinygen::model
