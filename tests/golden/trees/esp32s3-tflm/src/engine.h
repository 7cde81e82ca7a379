// The model as TensorFlow Lite Micro's interpreter runs it, behind the same model_api.h as generated code. What belongs
// to one model (its operators, its tensors, its sizes) is in the generated model.cpp and declared here.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "tflm.h"
#include "tinygen/model_api.h"

namespace tinygen::tflm {

// A tensor the protocol can ask for: its index in the file, and the operator that writes it.
struct Observed {
  std::uint16_t tensor;
  std::uint16_t step;
  std::uint32_t bytes;
};

// Generated. `kArenaCopy` has the arena's size where the model has state, and is null where it has none.
extern const Observed kObserved[];
extern const Observed kInputs[];
extern const Observed kOutputs[];
extern const int kVariableCount;
extern std::int8_t* const kArenaCopy;

// Generated: a resolver with exactly the model's operators; null when one of them is refused.
const tflite::MicroOpResolver* operators();

using Invoke = TfLiteStatus (*)(TfLiteContext*, TfLiteNode*);

// Runs an operator, then tells whoever watches this inference that it is done.
TfLiteStatus watched(Invoke invoke, TfLiteContext* context, TfLiteNode* node);

// Puts `watched` around every registered operator: the interpreter itself offers no place to look after each step.
template <std::size_t kCount>
struct Watched {
  static Invoke invoke[kCount];

  template <std::size_t kSlot>
  static TfLiteStatus run(TfLiteContext* context, TfLiteNode* node) {
    return watched(invoke[kSlot], context, node);
  }

  template <std::size_t... kSlots>
  static bool all(const tflite::MicroOpResolver& resolver, const tflite::BuiltinOperator (&codes)[kCount],
                  std::index_sequence<kSlots...>) {
    const Invoke ours[] = {&run<kSlots>...};
    for (std::size_t slot = 0; slot < kCount; ++slot) {
      // The resolver's own copy, and the resolver is ours: nothing that was declared const is written.
      auto* registration = const_cast<TFLMRegistration*>(resolver.FindOp(codes[slot]));
      if (registration == nullptr || registration->invoke == nullptr) return false;
      invoke[slot] = registration->invoke;
      registration->invoke = ours[slot];
    }
    return true;
  }
};

template <std::size_t kCount>
Invoke Watched<kCount>::invoke[kCount] = {};

template <std::size_t kCount>
bool watch(const tflite::MicroOpResolver& resolver, const tflite::BuiltinOperator (&codes)[kCount]) {
  return Watched<kCount>::all(resolver, codes, std::make_index_sequence<kCount>{});
}

}  // namespace tinygen::tflm
