"""The smallest engine that makes an image, by hand: nothing generated is in it."""

from __future__ import annotations

# The smallest thing that is a model, a front end and a decision: one step that negates.
MODEL = b"""
#include "tinygen/model_api.h"

namespace tinygen::model {
namespace {
alignas(16) std::int8_t arena_bytes[8];
std::int8_t kept[4];
const TensorView kInput = {arena_bytes, 4, 0, 0};
const TensorView kObserved[1] = {{arena_bytes + 4, 4, 0, 1}};
}  // namespace
const Info kInfo = {8, 0, 4, 4, 1, 1, 0, 1, 1};
const WeightDigest kWeightDigests[] = {{nullptr, 0, 0}};
const std::uint16_t kWeightCount = 0;
std::int8_t* input() { return arena_bytes; }
std::int8_t* arena() { return arena_bytes; }
bool start() { return true; }
bool healthy() { return true; }
std::uint32_t least_arena_bytes() { return kInfo.arena_bytes; }
std::int8_t* input_copy() { return kept; }
const std::int8_t* output() { return arena_bytes + 4; }
const TensorView& input_view(std::uint16_t) { return kInput; }
const TensorView& output_view(std::uint16_t) { return kObserved[0]; }
const TensorView& observed(std::uint16_t index) { return kObserved[index]; }
void load_input() {
  for (int i = 0; i < 4; ++i) arena_bytes[i] = kept[i];
}
const std::int8_t* gathered_output() { return arena_bytes + 4; }
void reset() {}
void save_state() {}
void restore_state() {}
void infer(AfterStep after_step, void* context) {
  for (int i = 0; i < 4; ++i) arena_bytes[4 + i] = static_cast<std::int8_t>(~arena_bytes[i]);
  if (after_step != nullptr) after_step(context, 0);
}
}  // namespace tinygen::model
"""
FEATURES = b"""
#include "tinygen/features_api.h"

namespace tinygen::features {
namespace {
std::uint16_t done = 0;
}
const Info kInfo = {100, 1, 4, 4, 1, 2, 0};
void reset() { done = 0; }
void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input) {
  for (std::size_t i = 0; i < instants && done < 4; ++i) {
    model_input[done++] = static_cast<std::int8_t>(samples[i] / 256);
  }
}
std::uint16_t frames_done() { return done; }
void push_counted(const std::int16_t*, std::size_t, std::int8_t*, StageCount*, StageClock::Counter) {}
Taken take(const std::int16_t*, std::size_t instants, std::int8_t*) { return {instants, false}; }
}  // namespace tinygen::features
"""
STREAM = b"""
#include "tinygen/stream_api.h"

namespace tinygen::stream {
const Info kInfo = {};
void begin(bool, bool) {}
void offer(const std::int16_t*, std::size_t) {}
std::uint32_t room() { return 0; }
void miss(std::uint32_t) {}
void take_only(std::uint32_t) {}
std::uint32_t offered() { return 0; }
std::uint32_t copy_waiting(std::uint32_t, std::int16_t*, std::uint32_t) { return 0; }
void run(OnEvent, void*) {}
Statistics statistics() { return {}; }
bool learning(LearningAction, std::uint32_t) { return false; }
LearningStatus learning_status() { return {}; }
const std::uint8_t* learned() { return nullptr; }
Written write_learned(std::uint32_t, const std::uint8_t*, std::uint32_t) { return Written::refused; }
bool kept(std::uint32_t, Event&) { return false; }
bool score(std::uint32_t, Score&) { return false; }
}  // namespace tinygen::stream
"""
DECISION = b"""
#include "tinygen/decision_api.h"

namespace tinygen::decision {
const bool kKeepsInput = false;
Result decide(const std::int8_t*, const std::int8_t* output) { return {0, output[0]}; }
const char* label_name(std::int16_t) { return "only"; }
}  // namespace tinygen::decision
"""

SMALLEST = {
    "src/model.cpp": MODEL,
    "src/features.cpp": FEATURES,
    "src/decision.cpp": DECISION,
    "src/stream.cpp": STREAM,
}
