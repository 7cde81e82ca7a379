// Views of the arena. The arena is bytes; one place holds int8 values now and floats later, so the other types must be
// ones that the compiler does not keep apart by their type.
#pragma once
#include <cstdint>

namespace tinygen {

typedef std::uint8_t Uint8;
typedef std::int16_t Int16 __attribute__((may_alias));
typedef std::int32_t Int32 __attribute__((may_alias));
typedef std::int64_t Int64 __attribute__((may_alias));
typedef float Float32 __attribute__((may_alias));

inline Uint8* view_uint8(std::int8_t* place) {
  return reinterpret_cast<Uint8*>(place);
}
inline Int16* view_int16(std::int8_t* place) {
  return reinterpret_cast<Int16*>(place);
}
inline Int32* view_int32(std::int8_t* place) {
  return reinterpret_cast<Int32*>(place);
}
inline Int64* view_int64(std::int8_t* place) {
  return reinterpret_cast<Int64*>(place);
}
inline Float32* view_float32(std::int8_t* place) {
  return reinterpret_cast<Float32*>(place);
}

// Integers of a type known when generating: 0 int8, 1 uint8, 2 int16, 3 int32.
template <int kType>
inline std::int32_t load_integer(const void* values, std::int32_t index) {
  static_assert(kType >= 0 && kType <= 3, "an integer type");
  if constexpr (kType == 0) return static_cast<const std::int8_t*>(values)[index];
  if constexpr (kType == 1) return static_cast<const Uint8*>(values)[index];
  if constexpr (kType == 2) return static_cast<const Int16*>(values)[index];
  if constexpr (kType == 3) return static_cast<const Int32*>(values)[index];
}

template <int kType>
inline void store_integer(void* values, std::int32_t index, std::int32_t value) {
  static_assert(kType >= 0 && kType <= 3, "an integer type");
  if constexpr (kType == 0) static_cast<std::int8_t*>(values)[index] = static_cast<std::int8_t>(value);
  if constexpr (kType == 1) static_cast<Uint8*>(values)[index] = static_cast<Uint8>(value);
  if constexpr (kType == 2) static_cast<Int16*>(values)[index] = static_cast<std::int16_t>(value);
  if constexpr (kType == 3) static_cast<Int32*>(values)[index] = value;
}

}  // namespace tinygen
