// Gravity as a slow mean of an accelerometer's rows, and the rotation that takes it upright. The NumPy twin is
// src/tinygen/features/gravity.py.
#pragma once
#include <cstdint>

namespace tinygen::features {

// An object in zeroed memory is ready for use.
class Gravity {
 public:
  void reset() { begun_ = false; }

  // Takes a row of three (or more) values up into the mean, and gravity out of its first three.
  void remove(std::int32_t* row, std::uint32_t shift);

  // Turns three values by what takes gravity to +z.
  void turn(std::int32_t* values) const;

 private:
  std::int32_t slow_q8_[3];
  std::int32_t unit_q14_[3];
  bool begun_;
};

}  // namespace tinygen::features
