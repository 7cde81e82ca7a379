// The rows of one inference, collected from a front end's endless ones.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/features_api.h"

namespace tinygen::features {

// An object in zeroed memory is ready for use.
template <class FrontEnd, class Config>
class OneInference {
 public:
  void reset() {
    front_end_.reset();
    frames_done_ = 0;
  }

  template <class Probe>
  void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input, Probe probe) {
    while (instants != 0 && frames_done_ < Config::kFrames) {
      std::int8_t* row = model_input + std::size_t{frames_done_} * Config::kFrameValues;
      const Taken done = front_end_.take(samples, instants, row, probe);
      samples += done.instants * Config::kChannels;
      instants -= done.instants;
      frames_done_ = static_cast<std::uint16_t>(frames_done_ + (done.row ? 1 : 0));
    }
  }

  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row) {
    NoProbe probe;
    return front_end_.take(samples, instants, row, probe);
  }

  std::uint16_t frames_done() const { return frames_done_; }

 private:
  FrontEnd front_end_;
  std::uint16_t frames_done_;
};

}  // namespace tinygen::features
