// The signal front end the application streams samples into. Defined by the generated features.cpp.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features/stages.h"

namespace tinygen::features {

struct Info {
  std::uint32_t rate_hz;
  std::uint16_t channels;
  std::uint32_t samples_per_inference;  // sample instants, not counting channels
  std::uint16_t frames;                 // rows of one inference
  std::uint16_t frame_values;           // values per row
  std::uint32_t state_bytes;            // RAM of the front end
  std::uint16_t stages;                 // parts that push_counted() tells apart
};

extern const Info kInfo;

// Forgets all samples: the next one is the first of an inference.
void reset();

// Takes `instants` interleaved sample instants (any chunking gives the same bytes) and writes each finished row,
// quantised for the model, into `model_input` (frames * frame_values bytes). Samples after the last row are ignored.
void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input);

// The same, with the clock read between the stages of the work. `counts` has kInfo.stages entries.
void push_counted(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input, StageCount* counts,
                  StageClock::Counter counter);

// Rows finished since reset().
std::uint16_t frames_done();

// What take() did: how many instants it took, and whether they finished a row.
struct Taken {
  std::size_t instants;
  bool row;
};

// For a stream without end: takes instants until a row is finished or none is left, and writes that row (frame_values
// bytes), quantised for the model. The row ends at the last instant taken. Not to be mixed with push() between resets.
Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row);

}  // namespace tinygen::features
