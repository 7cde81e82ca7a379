// A signal without end: samples in, events out. Defined by the generated stream.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/store/keeper.h"

namespace tinygen::stream {

struct Info {
  std::uint16_t window_rows;    // rows the model looks at per inference; 0: this image cannot stream
  std::uint16_t hop_rows;       // new rows per inference
  std::uint16_t smoothing;      // inferences that are summed
  std::uint16_t watched;        // values that may raise events
  std::uint32_t threshold;      // a sum above it is an event
  std::uint32_t release;        // a sum at or below it arms the label again
  std::uint32_t ring_instants;  // room for samples that wait
  std::uint32_t memory_bytes;   // RAM of all this, the ring included
};

// What was decided. `instant` counts sample instants since begin(), up to and with the newest one that was looked at.
struct Event {
  std::uint32_t number;  // events since begin(), from 0
  std::int16_t label;
  std::uint32_t score;  // the sum over the last inferences
  std::uint64_t instant;
};

struct Statistics {
  std::uint64_t instants;  // taken out of the ring
  std::uint32_t rows;
  std::uint32_t inferences;
  std::uint32_t events;
  std::uint32_t overruns;         // instants that found no room
  std::uint32_t saturated;        // samples at the ends of int16
  std::uint64_t feature_ticks;    // of port::counter(), 0 unless counted
  std::uint64_t inference_ticks;  // the model and the decision
  std::uint32_t row_digest;       // CRC-32 over all rows, 0 unless asked for
  std::uint32_t output_digest;    // CRC-32 over all outputs of the model
};

extern const Info kInfo;

// Forgets everything: the next instant is the first. `count`: also measure ticks; `digests`: also keep checksums.
void begin(bool count, bool digests);

// For the source of samples, which may be an interrupt: puts interleaved instants into the ring. What finds no room is
// lost and counted.
void offer(const std::int16_t* samples, std::size_t instants);
std::uint32_t room();  // instants

// The source knows of so many instants that it lost itself.
void miss(std::uint32_t instants);

// For recording: samples wait in the ring instead of being worked off. begin(), then take_only() so many instants (0:
// no end), then copy_waiting() them from any position that still waits; what lies before it is given up.
void take_only(std::uint32_t instants);
std::uint32_t offered();  // instants ever put in, since begin()
std::uint32_t copy_waiting(std::uint32_t position, std::int16_t* into, std::uint32_t instants);

// Works off what waits. Each event is told at once.
using OnEvent = void (*)(void* context, const Event& event);
void run(OnEvent tell, void* context);

Statistics statistics();

// One of the last events again; false when it is not kept (any more).
constexpr std::uint32_t kKeptEvents = 8;
bool kept(std::uint32_t number, Event& event);

// What is watched, as it stands now; false behind the last one.
struct Score {
  std::int16_t label;
  std::uint32_t sum;  // over the last inferences
};
bool score(std::uint32_t index, Score& told);

// Anomaly scores saturate here, so that 255 of them fit 31 bits.
constexpr std::int32_t kHighestScore = (1 << 23) - 1;

// Learning what is normal on this machine; only images with an anomaly score can. While something is frozen, scores by
// distance take the place of the model's.
constexpr std::uint32_t kNothing = 0;
constexpr std::uint32_t kLearning = 1;
constexpr std::uint32_t kFrozen = 2;

struct LearningStatus {
  std::uint32_t phase;
  bool torn;  // a write was cut off by the last reset; the state before it holds
  std::uint32_t values;
  std::uint32_t count;  // healthy rows
  std::uint32_t threshold;
  std::uint32_t score;  // of the newest row
  std::uint32_t bytes;  // of the state; 0: this image cannot learn
  std::uint32_t digest;
  bool kept;  // a loss of power would bring back exactly this
  store::Status store;
};

// freeze takes the threshold; freeze_at takes 256 times how many spreads of the healthy scores lie below it. Both keep
// what they made over a loss of power where the board can; keep does that with what is there, whatever its phase.
enum class LearningAction : std::uint8_t { status, learn, freeze, forget, freeze_at, keep };

enum class Written : std::uint8_t { refused, part, whole, other };

// False where it is not possible: freezing too few rows, or an image that cannot learn.
bool learning(LearningAction action, std::uint32_t argument);
LearningStatus learning_status();
const std::uint8_t* learned();
Written write_learned(std::uint32_t offset, const std::uint8_t* from, std::uint32_t count);

}  // namespace tinygen::stream
