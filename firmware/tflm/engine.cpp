// model_api.h on top of TensorFlow Lite Micro's interpreter.
#include "engine.h"

#include <new>

#include "model_data.h"
#include "tinygen/port.h"

namespace tinygen::tflm {
namespace {

constexpr std::uint32_t kStep = 16;  // of the search for the least arena

// Lets tensors be looked at right after the operator that wrote them.
class Interpreter : public tflite::MicroInterpreter {
 public:
  using tflite::MicroInterpreter::MicroInterpreter;

  const void* eval_data(int tensor) const {
    TfLiteEvalTensor* found = context().GetEvalTensor(&context(), tensor);
    return found == nullptr ? nullptr : found->data.data;
  }
};

alignas(Interpreter) unsigned char memory[sizeof(Interpreter)];
Interpreter* interpreter = nullptr;  // set while there is one that has started
bool failed = false;                 // a kernel has refused its work
const tflite::MicroOpResolver* resolver = nullptr;

// The inference that is being watched.
model::AfterStep watcher = nullptr;
void* watcher_context = nullptr;
std::uint16_t step = 0;
std::uint16_t depth = 0;
bool stopped = false;

model::TensorView view;  // of the tensor asked for last

Interpreter* start_in(std::uint32_t arena_bytes) {
  if (resolver == nullptr) resolver = operators();
  if (resolver == nullptr) return nullptr;
  auto* arena = reinterpret_cast<std::uint8_t*>(model::arena());
  tflite::MicroAllocator* allocator = tflite::MicroAllocator::Create(arena, arena_bytes);
  if (allocator == nullptr) return nullptr;
  tflite::MicroResourceVariables* variables = nullptr;
  if (kVariableCount > 0) {
    variables = tflite::MicroResourceVariables::Create(allocator, kVariableCount);
    if (variables == nullptr) return nullptr;
  }
  const tflite::Model* file = tflite::GetModel(g_model_data);
  auto* made = new (memory) Interpreter(file, *resolver, allocator, variables);
  return made->AllocateTensors() == kTfLiteOk ? made : nullptr;
}

const model::TensorView& view_of(const Observed& tensor, const void* data) {
  view = {data, data == nullptr ? 0 : tensor.bytes, tensor.step, tensor.tensor};
  return view;
}

}  // namespace

TfLiteStatus watched(Invoke invoke, TfLiteContext* context, TfLiteNode* node) {
  // Operators that an operator calls (the first values of variables) are no steps of the model.
  ++depth;
  const TfLiteStatus status = invoke(context, node);
  --depth;
  if (depth > 0 || status != kTfLiteOk || watcher == nullptr) return status;
  if (watcher(watcher_context, step++)) return status;
  stopped = true;
  return kTfLiteError;
}

}  // namespace tinygen::tflm

#if defined(__arm__)
// TFLM's way out of what cannot be. The C library's would bring signals and a heap along; this one is a fault, and told
// as one after the restart.
extern "C" [[noreturn]] void abort() {
  __builtin_trap();
}

extern "C" [[noreturn]] void __cxa_pure_virtual();
extern "C" void __cxa_pure_virtual() {
  __builtin_trap();
}
#endif

namespace tinygen::model {

using tflm::interpreter;

bool start() {
  interpreter = tflm::start_in(kInfo.arena_bytes);
  tflm::failed = false;
  return interpreter != nullptr;
}

bool healthy() {
  return interpreter != nullptr && !tflm::failed;
}

std::uint32_t least_arena_bytes() {
  if (interpreter == nullptr) return 0;
  // What is used in the end is less than what starting takes; whatever is below that is not tried.
  std::uint32_t low = static_cast<std::uint32_t>(interpreter->arena_used_bytes()) / tflm::kStep;
  std::uint32_t high = kInfo.arena_bytes / tflm::kStep;
  while (low < high) {
    port::feed();
    const std::uint32_t middle = low + (high - low) / 2;
    if (tflm::start_in(middle * tflm::kStep) != nullptr) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  start();
  return high * tflm::kStep;
}

std::int8_t* input() {
  return static_cast<std::int8_t*>(const_cast<void*>(input_view(0).data));
}

const std::int8_t* output() {
  return static_cast<const std::int8_t*>(output_view(0).data);
}

const TensorView& input_view(std::uint16_t index) {
  return tflm::view_of(tflm::kInputs[index], interpreter == nullptr ? nullptr : interpreter->input(index)->data.data);
}

const TensorView& output_view(std::uint16_t index) {
  return tflm::view_of(tflm::kOutputs[index], interpreter == nullptr ? nullptr : interpreter->output(index)->data.data);
}

const TensorView& observed(std::uint16_t index) {
  const tflm::Observed& tensor = tflm::kObserved[index];
  return tflm::view_of(tensor, interpreter == nullptr ? nullptr : interpreter->eval_data(tensor.tensor));
}

// Variables, and what the file's CALL_ONCE puts into them: only a new start has both.
void reset() {
  if (kInfo.state_bytes > 0) start();
}

// The interpreter keeps state, and nothing but bytes of the arena changes in an inference.
void save_state() {
  if (tflm::kArenaCopy == nullptr) return;
  const std::int8_t* from = arena();
  for (std::uint32_t i = 0; i < kInfo.arena_bytes; ++i) tflm::kArenaCopy[i] = from[i];
}

void restore_state() {
  if (tflm::kArenaCopy == nullptr) return;
  std::int8_t* to = arena();
  for (std::uint32_t i = 0; i < kInfo.arena_bytes; ++i) to[i] = tflm::kArenaCopy[i];
}

void infer(AfterStep after_step, void* context) {
  if (!healthy()) return;
  tflm::watcher = after_step;
  tflm::watcher_context = context;
  tflm::step = 0;
  tflm::stopped = false;
  const TfLiteStatus status = interpreter->Invoke();
  if (status != kTfLiteOk && !tflm::stopped) tflm::failed = true;
}

}  // namespace tinygen::model
