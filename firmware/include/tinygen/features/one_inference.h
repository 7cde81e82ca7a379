// The rows of one inference, collected from a front end's endless ones: those of the lead-in, in which estimates
// settle, are overwritten.
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
    rows_ = 0;
  }

  template <class Probe>
  void push(const std::int16_t* samples, std::size_t instants, std::int8_t* model_input, Probe probe) {
    while (instants != 0 && rows_ < Config::kLeadInFrames + Config::kFrames) {
      std::int8_t* row = model_input + std::size_t{frames_done()} * Config::kFrameValues;
      const Taken done = front_end_.take(samples, instants, row, probe);
      samples += done.instants * Config::kChannels;
      instants -= done.instants;
      rows_ = static_cast<std::uint16_t>(rows_ + (done.row ? 1 : 0));
    }
  }

  Taken take(const std::int16_t* samples, std::size_t instants, std::int8_t* row) {
    NoProbe probe;
    return front_end_.take(samples, instants, row, probe);
  }

  std::uint16_t frames_done() const {
    return rows_ > Config::kLeadInFrames ? static_cast<std::uint16_t>(rows_ - Config::kLeadInFrames) : std::uint16_t{0};
  }

 private:
  FrontEnd front_end_;
  std::uint16_t rows_;
};

}  // namespace tinygen::features
