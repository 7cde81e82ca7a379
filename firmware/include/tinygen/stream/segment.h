// Where a motion begins and ends, and when the model should look. The NumPy twin is src/tinygen/tasks/segment.py.
#pragma once
#include <cstdint>

namespace tinygen::stream {

// The model looks at every hop.
struct EveryHop {
  void reset() {}
  void row(const std::int8_t*) {}
  bool due() { return true; }
};

// The model looks once per motion. `Config` is generated; reset() comes first.
template <class Config>
class Segments {
 public:
  void reset() {
    level_ = 0;
    length_ = 0;
    quiet_ = 0;
    wait_ = 0;
    begun_ = false;
    moving_ = false;
    waiting_ = false;
    due_ = false;
  }

  void row(const std::int8_t* values) {
    level_ += change(values) - (level_ >> 3);
    if (moving_) {
      ++length_;
      quiet_ = level_ < Config::kMotionStop ? quiet_ + 1 : 0;
      if (quiet_ >= Config::kQuietRows || length_ >= Config::kWindowRows) {
        moving_ = false;
        waiting_ = true;
        const std::uint32_t rest = (Config::kWindowRows - (length_ - quiet_)) / 2;
        wait_ = rest > quiet_ ? rest - quiet_ : 0;
      }
    } else if (level_ > Config::kMotionStart) {
      moving_ = true;
      length_ = 0;
      quiet_ = 0;
    }
    if (waiting_) {
      if (wait_ == 0) {
        waiting_ = false;
        due_ = true;
      } else {
        --wait_;
      }
    }
  }

  // Whether the model should look; asked at the end of a hop, answered once.
  bool due() {
    const bool now = due_;
    due_ = false;
    return now;
  }

 private:
  // How far the values lie from their slow mean.
  std::uint32_t change(const std::int8_t* values) {
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < Config::kRowValues; ++i) {
      const std::int32_t value = values[i];
      const std::int32_t mean = begun_ ? mean_q4_[i] : 16 * value;
      const std::int32_t difference = 16 * value - mean;
      sum += static_cast<std::uint32_t>(difference < 0 ? -difference : difference);
      mean_q4_[i] = static_cast<std::int16_t>(mean + value - (mean >> 4));
    }
    begun_ = true;
    return sum >> 4;
  }

  std::uint32_t level_;
  std::uint32_t length_;
  std::uint32_t quiet_;
  std::uint32_t wait_;
  bool begun_;
  bool moving_;
  bool waiting_;
  bool due_;
  std::int16_t mean_q4_[Config::kRowValues];
};

}  // namespace tinygen::stream
