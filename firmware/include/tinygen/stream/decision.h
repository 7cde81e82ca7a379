// From the outputs of a stream of inferences to events. The NumPy twin is src/tinygen/tasks/stream.py.
#pragma once
#include <cstddef>
#include <cstdint>

#include "tinygen/stream_api.h"

namespace tinygen::stream {

// `Config` is generated. An object in zeroed memory is ready for use.
template <class Config>
class EventDecision {
 public:
  void reset() {
    seen_ = 0;
    place_ = 0;
    events_ = 0;
    active_ = kNobody;
    for (std::uint32_t i = 0; i < Config::kWatchedCount; ++i) {
      sums_[i] = 0;
    }
  }

  // Takes one value per watched label, of the inference that ended at `instant`. True when that makes an event.
  bool step(const std::uint32_t* values, std::uint64_t instant, Event& event) {
    return step(values, instant, event, Config::kThreshold, Config::kRelease);
  }

  // The same with limits that were learned.
  bool step(const std::uint32_t* values, std::uint64_t instant, Event& event, std::uint32_t threshold,
            std::uint32_t release) {
    if (seen_ < Config::kWarmup) {
      ++seen_;
      return false;
    }
    std::uint32_t* const oldest = recent_[place_];
    place_ = place_ + 1 < Config::kSmoothing ? place_ + 1 : 0;
    const bool full = seen_ == Config::kWarmup + Config::kSmoothing;
    for (std::uint32_t i = 0; i < Config::kWatchedCount; ++i) {
      sums_[i] += values[i] - (full ? oldest[i] : 0);
      oldest[i] = values[i];
    }
    if (!full && ++seen_ < Config::kWarmup + Config::kSmoothing) {
      return false;
    }
    return decide(instant, event, threshold, release);
  }

  std::uint32_t events() const { return events_; }

  // Of the label kWatched[index], over the last inferences.
  std::uint32_t sum(std::uint32_t index) const { return sums_[index]; }

 private:
  static constexpr std::uint32_t kNobody = Config::kWatchedCount;

  bool decide(std::uint64_t instant, Event& event, std::uint32_t threshold, std::uint32_t release) {
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < Config::kWatchedCount; ++i) {
      best = sums_[i] > sums_[best] ? i : best;
    }
    if (active_ != kNobody && sums_[active_] <= release) {
      active_ = kNobody;
    }
    const bool rested = events_ == 0 || instant - last_ >= Config::kRefractory;
    if (best == active_ || sums_[best] <= threshold || !rested) {
      return false;
    }
    active_ = best;
    last_ = instant;
    event = {events_, Config::kWatched[best], sums_[best], instant};
    ++events_;
    return true;
  }

  std::uint64_t last_;
  std::uint32_t recent_[Config::kSmoothing][Config::kWatchedCount];
  std::uint32_t sums_[Config::kWatchedCount];
  std::uint32_t seen_;  // inferences, until the sums are full
  std::uint32_t place_;
  std::uint32_t events_;
  std::uint32_t active_;
};

}  // namespace tinygen::stream
