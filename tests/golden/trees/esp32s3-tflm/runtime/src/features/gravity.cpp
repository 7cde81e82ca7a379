#include "tinygen/features/gravity.h"

#include "tinygen/features/integers.h"

namespace tinygen::features {
namespace {

constexpr std::int32_t kOne = 1 << 14;
constexpr std::int32_t kLeastD = 1 << 8;

std::int32_t clamped(std::int64_t value) {
  return static_cast<std::int32_t>(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
}

// value * 2^14 / divisor, truncated towards zero. |value| < 2^17, divisor > 0.
std::int32_t ratio_q14(std::int32_t value, std::uint32_t divisor) {
  const auto magnitude = static_cast<std::uint32_t>(value < 0 ? -value : value);
  const auto quotient = static_cast<std::int32_t>((magnitude << 14) / divisor);
  return value < 0 ? -quotient : quotient;
}

std::int32_t from_q14(std::int64_t value) {
  return clamped((value + kOne / 2) >> 14);
}

}  // namespace

void Gravity::remove(std::int32_t* row, std::uint32_t shift) {
  std::int32_t gravity[3];
  std::uint64_t square = 0;
  for (std::uint32_t axis = 0; axis < 3; ++axis) {
    const std::int32_t now = row[axis] * 256;
    std::int32_t& slow = slow_q8_[axis];
    slow = begun_ ? slow + ((now - slow + (1 << (shift - 1))) >> shift) : now;
    gravity[axis] = (slow + 128) >> 8;
    row[axis] = clamped(row[axis] - gravity[axis]);
    square += static_cast<std::uint32_t>(gravity[axis] * gravity[axis]);
  }
  begun_ = true;
  const std::uint32_t norm = sqrt_rounded(square);
  for (std::uint32_t axis = 0; axis < 3; ++axis) {
    unit_q14_[axis] = norm != 0 ? ratio_q14(gravity[axis], norm) : axis == 2 ? kOne : 0;
  }
}

void Gravity::turn(std::int32_t* values) const {
  const std::int32_t ux = unit_q14_[0];
  const std::int32_t uy = unit_q14_[1];
  const std::int32_t uz = unit_q14_[2];
  const std::int32_t vx = values[0];
  const std::int32_t vy = values[1];
  const std::int32_t vz = values[2];
  const std::int32_t d = kOne + uz > kLeastD ? kOne + uz : kLeastD;
  const auto t = static_cast<std::int32_t>((static_cast<std::int64_t>(uy) * vx - ux * vy + kOne / 2) >> 14);
  const std::int64_t s = ratio_q14(t, static_cast<std::uint32_t>(d));
  values[0] = from_q14(static_cast<std::int64_t>(uz) * vx - ux * vz + uy * s);
  values[1] = from_q14(static_cast<std::int64_t>(uz) * vy - uy * vz - ux * s);
  values[2] = from_q14(static_cast<std::int64_t>(ux) * vx + uy * vy + static_cast<std::int64_t>(uz) * vz);
}

}  // namespace tinygen::features
