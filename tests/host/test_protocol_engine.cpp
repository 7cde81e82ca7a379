// A small made-up engine, front end and decision.
// It computes nothing useful, but what it computes is easy to say again in Python (test_protocol_client.py).
#include <cstdint>

#include "tinygen/decision_api.h"
#include "tinygen/features_api.h"
#include "tinygen/model_api.h"
#include "tinygen/source.h"
#include "tinygen/stream/engine.h"

#ifndef BAD_WEIGHT
#define BAD_WEIGHT 0u
#endif
#ifndef STEPS
#define STEPS 3
#endif

namespace tinygen {
namespace {
constexpr std::uint32_t kInputBytes = 40;
constexpr std::uint32_t kWide = 700;
constexpr std::uint32_t kOutputBytes = 4;
std::int8_t g_arena[kWide];
std::int8_t copy[kInputBytes];
std::int8_t outputs[kOutputBytes];
alignas(4) const std::uint8_t kWeights[12] = {'1', '2', '3', '4', '5', '6', '7', '8', '9', 0, 0, 0};

struct Views {
  model::TensorView entries[STEPS];
  constexpr Views() : entries{} {
    for (std::uint16_t step = 0; step < STEPS; ++step) {
      const bool last = step == STEPS - 1;
      entries[step] = {last ? outputs : g_arena, last ? kOutputBytes : kWide, step,
                       static_cast<std::uint16_t>(step + 10)};
    }
  }
};
constexpr Views kViews;

// Two instructions per turn, for tests of instruction counters.
void spin(std::uint32_t turns) {
#if defined(__arm__)
  __asm__ volatile("1: subs %0, %0, #1\n bne 1b" : "+r"(turns) : : "cc");
#elif defined(__XTENSA__)
  __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(turns));
#else
  static_cast<void>(turns);
#endif
}
}  // namespace

std::uint32_t fake_runs = 0;  // inferences since the start

namespace model {
const Info kInfo = {kWide, 11, kInputBytes, kOutputBytes, STEPS, STEPS, 0, 1, 1};
const WeightDigest kWeightDigests[] = {{kWeights, 9, 0xCBF43926u}, {kWeights, 9, 0xCBF43926u ^ BAD_WEIGHT}};
const std::uint16_t kWeightCount = 2;
#ifndef STARTS
#define STARTS 1
#endif
bool start() {
  return STARTS != 0;
}
bool healthy() {
  return STARTS != 0;
}
std::uint32_t least_arena_bytes() {
  return kWide - 5;
}
void load_input() {
  for (std::uint32_t i = 0; i < kInputBytes; ++i) g_arena[i] = copy[i];
}
const std::int8_t* gathered_output() {
  return outputs;
}
void reset() {}
void save_state() {}
void restore_state() {}
std::int8_t* arena() {
  return g_arena;
}
std::int8_t* input() {
  return g_arena;
}
std::int8_t* input_copy() {
  return copy;
}
const std::int8_t* output() {
  return outputs;
}
const TensorView& observed(std::uint16_t index) {
  return kViews.entries[index];
}
void infer(AfterStep after_step, void* context) {
  ++fake_runs;
  if (g_arena[0] == 127) spin(1000u * static_cast<std::uint8_t>(g_arena[1]) + 1u);
  for (std::uint16_t step = 0; step < STEPS; ++step) {
    if (step < STEPS - 1) {  // in place: the input is gone after the first step
      for (std::uint32_t i = kWide; i-- > 0;) {
        g_arena[i] = static_cast<std::int8_t>(static_cast<std::uint8_t>(g_arena[i % kInputBytes]) * 3u + i + step);
      }
    } else {
      for (std::uint32_t i = 0; i < kOutputBytes; ++i) outputs[i] = g_arena[i * 11];
    }
    if (after_step != nullptr && !after_step(context, step)) return;
  }
}
}  // namespace model

namespace features {
namespace {
std::uint16_t rows;
std::uint32_t seen;
std::uint16_t sums[8];
}  // namespace
const Info kInfo = {100, 2, 25, 5, 8, sizeof sums, 2};
void reset() {
  rows = 0, seen = 0;
}
void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input) {
  for (std::size_t i = 0; i < instants && rows < 5; ++i) {
    for (std::size_t v = 0; v < 8; ++v) {
      const auto sample = static_cast<std::uint16_t>(samples[2 * i + v % 2]);
      sums[v] = static_cast<std::uint16_t>((seen % 5 == 0 ? 0u : sums[v]) + sample + v);
    }
    if (++seen % 5 == 0) {
      for (std::size_t v = 0; v < 8; ++v) model_input[rows * 8u + v] = static_cast<std::int8_t>(sums[v] & 0xFFu);
      ++rows;
    }
  }
}
void push_counted(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input, StageCount* counts,
                  StageClock::Counter counter) {
  StageClock clock(counts, counter);
  clock.mark(0);
  push(samples, instants, model_input);
  clock.mark(1);
}
std::uint16_t frames_done() {
  return rows;
}
Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row) {
  rows = 0;
  const std::size_t missing = 5 - seen % 5;
  const std::size_t taken = instants < missing ? instants : missing;
  push(samples, taken, row);
  return {taken, taken == missing};
}
}  // namespace features

namespace decision {
const bool kKeepsInput = false;
Result decide(const std::int8_t*, const std::int8_t* output) {
  std::int16_t best = 0;
  for (std::int16_t i = 1; i < 4; ++i) best = output[i] > output[best] ? i : best;
  return {best, output[best] * 1000};
}
const char* label_name(std::int16_t) {
  return "x";
}
}  // namespace decision

namespace stream {
namespace {
struct Config {
  static constexpr std::uint32_t kChannels = 2;
  static constexpr std::uint32_t kRingInstants = 16;
  static constexpr std::uint32_t kRowValues = 8;
  static constexpr std::uint32_t kWindowRows = 5;
  static constexpr std::uint32_t kHopRows = 2;
  static constexpr std::int8_t kRealZero = 3;
  static constexpr std::uint32_t kLearnedValues = 0;
  static constexpr bool kScores = false;
  static constexpr std::uint32_t kSignFlip = 0x80;
  static constexpr std::uint32_t kWatchedCount = 3;
  static constexpr std::int16_t kWatched[kWatchedCount] = {0, 2, 3};
  static constexpr std::uint32_t kWarmup = 2;
  static constexpr std::uint32_t kSmoothing = 3;
  static constexpr std::uint32_t kThreshold = 420;
  static constexpr std::uint32_t kRelease = 380;
  static constexpr std::uint32_t kRefractory = 15;
};
Engine<Config> engine;
}  // namespace
const Info kInfo = {
    Config::kWindowRows, Config::kHopRows, Config::kSmoothing,    Config::kWatchedCount,
    Config::kThreshold,  Config::kRelease, Config::kRingInstants, static_cast<std::uint32_t>(sizeof engine),
};
void begin(bool count, bool digests) {
  engine.begin(count, digests);
}
void offer(const std::int16_t* samples, std::size_t instants) {
  engine.offer(samples, instants);
}
std::uint32_t room() {
  return engine.room();
}
void miss(std::uint32_t instants) {
  engine.miss(instants);
}
void take_only(std::uint32_t instants) {
  engine.take_only(instants);
}
std::uint32_t offered() {
  return engine.offered();
}
std::uint32_t copy_waiting(std::uint32_t position, std::int16_t* into, std::uint32_t instants) {
  return engine.copy_waiting(position, into, instants);
}
void run(OnEvent tell, void* context) {
  engine.run(tell, context);
}
Statistics statistics() {
  return engine.statistics();
}
bool kept(std::uint32_t number, Event& event) {
  return engine.kept(number, event);
}
bool score(std::uint32_t index, Score& told) {
  return engine.score(index, told);
}
bool learning(LearningAction, std::uint32_t) {
  return false;
}
LearningStatus learning_status() {
  return {};
}
const std::uint8_t* learned() {
  return nullptr;
}
Written write_learned(std::uint32_t, const std::uint8_t*, std::uint32_t) {
  return Written::refused;
}
}  // namespace stream

// A source that counts: three instants (n, -n) in every turn, more than the slow host takes away. UNPLUGGED: none.
namespace source {
namespace {
std::int16_t next = 0;
}
const Info kInfo = {Kind::imu, 2, 100500, "a counter"};
Status start() {
  next = 0;
#if defined(UNPLUGGED)
  return Status::no_answer;
#else
  return Status::ok;
#endif
}
void stop() {
  next = -1;
}
void poll() {
  if (next < 0) return;
  for (int i = 0; i < 3; ++i, ++next) {
    const std::int16_t both[2] = {next, static_cast<std::int16_t>(-next)};
    stream::offer(both, 1);
  }
}
}  // namespace source

}  // namespace tinygen
